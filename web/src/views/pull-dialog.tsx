/** Starts a pull of a stream from another server. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { post } from '../model/api.ts';
import { goTo } from '../model/route.ts';
import { attempt } from '../model/toasts.ts';
import { Dialog, showDialog } from '../ui/dialog.tsx';
import { Field, Select } from '../ui/fields.tsx';

const RETRIES = [
  ['-1', 'for ever'],
  ['0', 'never'],
  ['5', '5 times'],
] as const;
const ENDS = [
  ['-1', 'when it is stopped'],
  ['10000', '10 s after its last viewer left'],
  ['60000', 'a minute after its last viewer left'],
] as const;

export function showPullDialog(): void {
  showDialog(<PullDialog />);
}

function PullDialog(): VNode {
  const [url, setUrl] = useState('');
  const [name, setName] = useState('');
  const [retries, setRetries] = useState<(typeof RETRIES)[number][0]>('-1');
  const [end, setEnd] = useState<(typeof ENDS)[number][0]>('-1');
  const onAction = (): Promise<boolean> => {
    const body = {
      ...{ url, stream_name: name },
      ...{ pull_retry_num: Number(retries), auto_stop_pull_after_no_out_ms: Number(end) },
    };
    return attempt(post<{ stream_name: string; session_id: string }>('ctrl/start_relay_pull', body), (pull) => {
      goTo({ view: 'stream', name: pull.stream_name });
      return `Pull ${pull.session_id} has begun`;
    });
  };
  return (
    <Dialog title="Start a pull" action="Start" onAction={onAction}>
      <Field label="Address" hint="rtmp://, rtmps://, rtsp:// or rtsps://">
        <input required value={url} onInput={(event) => setUrl(event.currentTarget.value)} />
      </Field>
      <Field label="Stream" hint="Its name here; empty: as in the address.">
        <input value={name} onInput={(event) => setName(event.currentTarget.value)} />
      </Field>
      <Field label="Try again">
        <Select value={retries} options={RETRIES} onChange={setRetries} />
      </Field>
      <Field label="It ends">
        <Select value={end} options={ENDS} onChange={setEnd} />
      </Field>
    </Dialog>
  );
}
