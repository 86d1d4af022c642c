/** What the receiver of a soak wrote down, and whether it adds up. */
import type { Callback } from '../../test/support/receiver.ts';

const START = /^(on_(?:pub|sub|relay_pull))_start$/;
const STOP = /^(on_(?:pub|sub|relay_pull))_stop$/;

/** All that does not hold, a sentence each. `callbacks` are those that were answered with 200, in their order. */
export function faultsOf(callbacks: readonly Callback[]): string[] {
  const faults: string[] = [];
  const bodies = new Map<string, string>();
  const numbers = new Map<string, number>();
  const open = new Map<string, string>();
  const ended = new Set<string>();
  for (const { event, headers, raw, body } of callbacks) {
    const id = String(headers['webhook-id']);
    const before = bodies.get(id);
    if (before !== undefined) {
      if (before !== raw) faults.push(`${event} ${id} came again with another body`);
      continue;
    }
    bodies.set(id, raw);
    const stream = String(body['stream_name'] ?? '');
    const number = headers['millrace-stream-seq'];
    if (number !== undefined) {
      const last = numbers.get(stream) ?? 0;
      if (Number(number) !== last + 1) faults.push(`${event} is number ${number} of ${stream}, after ${last}`);
      numbers.set(stream, Number(number));
    }
    const session = `${stream} ${String(body['session_id'] ?? '')}`;
    const [, began] = START.exec(event) ?? [];
    const [, stopped] = STOP.exec(event) ?? [];
    if (began !== undefined) {
      if (open.has(session) || ended.has(session)) faults.push(`${session} started a second time`);
      open.set(session, began);
    } else if (stopped !== undefined) {
      // a pull that never began is told of by its end alone
      const isGivenUp = stopped === 'on_relay_pull' && !open.has(session) && !ended.has(session);
      if (!isGivenUp && open.get(session) !== stopped) faults.push(`${session} stopped (${event}) without its start`);
      open.delete(session);
      ended.add(session);
    }
  }
  for (const [session, kind] of open) faults.push(`${session} started (${kind}) and never stopped`);
  return faults;
}
