/** Records of one stream: those that run, starting and stopping them. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { post } from '../model/api.ts';
import { bytes } from '../model/format.ts';
import { usePolledAnswer } from '../model/polling.ts';
import { href } from '../model/route.ts';
import { attempt } from '../model/toasts.ts';
import { RECORD_FORMATS, type RecordFormat, type RecordList } from '../model/types.ts';
import { Select } from '../ui/fields.tsx';

const POLL_MS = 3000;

export function StreamRecords({ name }: { name: string }): VNode {
  const [format, setFormat] = useState<RecordFormat>('mp4');
  /** Goes up with each command, to ask anew at once. */
  const [commands, setCommands] = useState(0);
  const { data, problem } = usePolledAnswer<RecordList>('record/list', { stream_name: name }, POLL_MS, commands);
  const { total, files } = data ?? { total: 0, files: [] };
  const command = async (path: string, wanted: RecordFormat, done: string): Promise<void> => {
    await attempt(post(path, { stream_name: name, format: wanted }), done);
    setCommands(commands + 1);
  };
  const running = files.filter(({ is_running }) => is_running);
  return (
    <>
      {running.map((file) => (
        <p key={file.path} class="line">
          <span>
            Recording as {file.format}: {bytes(file.bytes)}
          </span>
          <button
            type="button"
            class="small"
            onClick={() => void command('record/stop', file.format, `The ${file.format} record is complete`)}
          >
            Stop
          </button>
        </p>
      ))}
      <form
        class="line"
        onSubmit={(event) => {
          event.preventDefault();
          void command('record/start', format, `Recording as ${format}`);
        }}
      >
        <Select
          label="Format of the record"
          value={format}
          options={RECORD_FORMATS.map((each) => [each, each])}
          onChange={setFormat}
        />
        <button type="submit">Record</button>
        <a href={href({ view: 'records', stream: name })}>{total === 1 ? '1 file' : `${total} files`}</a>
      </form>
      {problem === null ? null : <p class="problem">{problem}</p>}
    </>
  );
}
