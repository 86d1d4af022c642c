/** Tells that a publisher's clock jumped: counted each time, named once a publication, since it may jump with every frame. */
import type { Log } from './ports.ts';
import type { HubWatch } from './snapshot.ts';

export class JumpReport {
  readonly #log: Log;
  readonly #watch: HubWatch | undefined;
  #named = '';

  constructor(log: Log, watch: HubWatch | undefined) {
    this.#log = log;
    this.#watch = watch;
  }

  /** @param dts of the frame that does not go on from those before it, as the publisher has it */
  jumped(stream: string, session: string, dts: number): void {
    this.#watch?.timeJumped();
    if (this.#named === session) return;
    this.#named = session;
    this.#log.warn({ stream, session, dts }, 'the publisher’s times do not go on: its clock jumped');
  }
}
