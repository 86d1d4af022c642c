/** Short messages about what was done, or could not be. */
import { reasonOf } from './api.ts';
import { Store } from './store.ts';

export interface Toast {
  readonly id: number;
  readonly kind: 'done' | 'failed';
  readonly text: string;
}

const SHOWN_MS = 8000;
const MAX_SHOWN = 4;

export const toasts = new Store<readonly Toast[]>([]);

let lastId = 0;

export function tell(kind: Toast['kind'], text: string): void {
  const toast = { id: ++lastId, kind, text };
  toasts.set([...toasts.value, toast].slice(-MAX_SHOWN));
  window.setTimeout(() => dismiss(toast.id), SHOWN_MS);
}

export function dismiss(id: number): void {
  toasts.set(toasts.value.filter((each) => each.id !== id));
}

/** Does what the user asked for, and tells how it went. Resolves to whether it was done. */
export async function attempt<T>(work: Promise<T>, done: string | ((result: T) => string)): Promise<boolean> {
  try {
    const result = await work;
    tell('done', typeof done === 'string' ? done : done(result));
    return true;
  } catch (error) {
    tell('failed', `Not done: ${reasonOf(error)}`);
    return false;
  }
}
