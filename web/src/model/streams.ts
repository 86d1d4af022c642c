/** All streams, asked for while the page is seen. */
import { get, reasonOf } from './api.ts';
import { Histories } from './history.ts';
import { startPolling } from './polling.ts';
import { Store } from './store.ts';
import type { Group } from './types.ts';

export interface Streams {
  /** Null before the first answer. */
  readonly groups: readonly Group[] | null;
  /** Why there is no newer answer; null where there is. */
  readonly problem: string | null;
}

export const POLL_MS = 1000;

export const streams = new Store<Streams>({ groups: null, problem: null });
export const histories = new Histories();

/** Polls until it is stopped. */
export function watchStreams(): () => void {
  return startPolling(async () => {
    try {
      const { data, bytes } = await get<{ groups: readonly Group[] }>('stat/all_group');
      histories.add(data.groups, Date.now() / 1000);
      streams.set({ groups: data.groups, problem: null });
      return bytes;
    } catch (error) {
      streams.set({ ...streams.value, problem: reasonOf(error) });
      return 0;
    }
  }, POLL_MS);
}
