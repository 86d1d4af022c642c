/** Ending a session, and refusing an address. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { post } from '../model/api.ts';
import { hostOf } from '../model/format.ts';
import { attempt } from '../model/toasts.ts';
import type { Session } from '../model/types.ts';
import { Dialog, showDialog } from '../ui/dialog.tsx';
import { Field, Select } from '../ui/fields.tsx';
import { Name } from '../ui/small.tsx';

const BLOCK_TIMES = [
  ['600', '10 minutes'],
  ['3600', 'an hour'],
  ['86400', 'a day'],
  ['2592000', '30 days'],
] as const;

/** Asks first. */
export function askKick(streamName: string, session: Session): void {
  const onAction = (): Promise<boolean> =>
    attempt(
      post('ctrl/kick_session', { stream_name: streamName, session_id: session.session_id }),
      `${session.session_id} is ended`,
    );
  showDialog(
    <Dialog title="End this session?" action="Kick" isDangerous onAction={onAction}>
      <p>
        {session.session_id} ({session.protocol}, {session.remote_addr}) of stream <Name>{streamName}</Name>. Nothing
        keeps the client from coming back.
      </p>
    </Dialog>,
  );
}

/** Asks for how long. */
export function askBlock(remoteAddr: string): void {
  showDialog(<BlockDialog ip={hostOf(remoteAddr)} />);
}

function BlockDialog({ ip }: { ip: string }): VNode {
  const [seconds, setSeconds] = useState<(typeof BLOCK_TIMES)[number][0]>('3600');
  const onAction = (): Promise<boolean> =>
    attempt(post('ctrl/add_ip_blacklist', { ip, duration_sec: Number(seconds) }), `${ip} is blocked`);
  return (
    <Dialog title={`Block ${ip}?`} action="Block" isDangerous onAction={onAction}>
      <p>All sessions of this address end, and it is refused on every protocol for:</p>
      <Field label="Time">
        <Select value={seconds} options={BLOCK_TIMES} onChange={setSeconds} />
      </Field>
    </Dialog>
  );
}
