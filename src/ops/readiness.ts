/** Whether the server takes new sessions, as load balancers and supervisors ask. */

type Phase = 'starting' | 'ready' | 'draining' | 'stopping';

export interface ReadinessAnswer {
  readonly isReady: boolean;
  /** One line: `ready`, with what an operator should know, or why not. */
  readonly text: string;
}

const WHY_NOT: Readonly<Record<Exclude<Phase, 'ready'>, string>> = {
  starting: 'not ready: the server is starting',
  draining: 'not ready: the server takes no new sessions',
  stopping: 'not ready: the server is stopping',
};

export class Readiness {
  /** Set by who starts and stops the server. */
  phase: Phase = 'starting';
  readonly #remark: () => string;

  /** @param remark what is not as it should be though the server serves; empty: nothing */
  constructor(remark: () => string) {
    this.#remark = remark;
  }

  get isReady(): boolean {
    return this.phase === 'ready';
  }

  answer(): ReadinessAnswer {
    if (this.phase !== 'ready') return { isReady: false, text: WHY_NOT[this.phase] };
    const remark = this.#remark();
    return { isReady: true, text: remark === '' ? 'ready' : `ready, but ${remark}` };
  }
}
