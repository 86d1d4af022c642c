/** Tells what is odd about a publication: counted, and each thing named once, since it may be so with every frame. */
import { spsProblem, type Tracks } from '../media/index.ts';
import type { Log, SessionIdentity } from './ports.ts';
import type { HubWatch } from './snapshot.ts';

/** A publisher may send so many times what it declares: encoders are seldom exact, and a key frame may come in the way. */
const MAX_TIMES_DECLARED = 10;

export interface ReportDeps {
  readonly log: Log;
  readonly watch?: HubWatch;
}

export class PublicationReport {
  readonly #identity: SessionIdentity;
  readonly #deps: ReportDeps;
  #isJumpNamed = false;
  #isPictureNamed = false;
  #isRateNamed = false;

  constructor(identity: SessionIdentity, deps: ReportDeps) {
    this.#identity = identity;
    this.#deps = deps;
  }

  /** @param dts of the frame that does not go on from those before it, as the publisher has it */
  jumped(dts: number): void {
    this.#deps.watch?.timeJumped();
    if (this.#isJumpNamed) return;
    this.#isJumpNamed = true;
    this.#name({ dts }, 'the publisher’s times do not go on: its clock jumped');
  }

  /** Looks whether the size of the picture is known. */
  checkPicture({ video }: Tracks): void {
    if (this.#isPictureNamed || video === null || video.width > 0) return;
    const problem = spsProblem(video);
    if (problem === null) return;
    this.#isPictureNamed = true;
    this.#deps.watch?.pictureUnreadable(this.#identity.protocol);
    this.#name({}, `the SPS cannot be read, the size of the picture is not known: ${problem.message}`);
  }

  /** @param kbits what it sends, over some seconds; kbit/s of 1000 bits, as what it declares */
  checkRate({ declaredKbits }: Tracks, kbits: number): void {
    if (this.#isRateNamed || declaredKbits === undefined || kbits <= MAX_TIMES_DECLARED * declaredKbits) return;
    this.#isRateNamed = true;
    this.#deps.watch?.rateExceeded();
    const found = { kbits: Math.round(kbits), declaredKbits: Math.round(declaredKbits) };
    this.#name(found, `the publisher sends more than ${MAX_TIMES_DECLARED} times the bit rate that it declares`);
  }

  #name(found: object, message: string): void {
    const { streamName: stream, sessionId: session } = this.#identity;
    this.#deps.log.warn({ stream, session, ...found }, message);
  }
}
