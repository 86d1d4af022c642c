/** Who is let in, as the configuration says it now. */
import { allOf, createDecisionCallbacks, createJwtAuth, createSimpleAuth } from '../admission/index.ts';
import { type Config, callbackOptions, jwtOptions, notifyOptions, simpleAuthOptions } from '../config/index.ts';
import type { Outbound } from '../net/index.ts';
import { createHeaderMaker, sessionBody } from '../notify/index.ts';
import { SERVER_NAME } from '../ops/index.ts';
import type { Admission, AdmissionRequest, Clock, Decision, Log, StreamState } from '../streams/index.ts';

export interface AdmissionDeps {
  /** Asked first; it stays whatever the configuration says. */
  readonly blacklist: Admission;
  readonly clock: Clock;
  readonly log: Log;
  readonly outbound: Outbound;
  stateOf(streamName: string): StreamState;
  /** Asked last. */
  readonly last?: (config: Config) => Admission;
}

export class LiveAdmission implements Admission {
  readonly #deps: AdmissionDeps;
  #current: Admission;

  /** Throws an Error where a key, a file or a header cannot be used. */
  constructor(config: Config, deps: AdmissionDeps) {
    this.#deps = deps;
    this.#current = createAdmission(config, deps);
  }

  /** Makes ready what this configuration asks for, files read anew. Throws as at first. @returns what puts it to use */
  prepare(config: Config): () => void {
    const next = createAdmission(config, this.#deps);
    return () => {
      this.#current = next;
    };
  }

  decide(request: AdmissionRequest): Promise<Decision> {
    return this.#current.decide(request);
  }
}

/** Blocked addresses, secrets and tokens are looked at first: the business side is asked about the others only. */
function createAdmission(config: Config, { blacklist, clock, log, outbound, stateOf, last }: AdmissionDeps): Admission {
  const jwt = jwtOptions(config);
  const { signingSecrets, headers, serverId } = notifyOptions(config);
  const headerMaker = createHeaderMaker({ signingSecrets, headers }, SERVER_NAME);
  const callbacks = createDecisionCallbacks(callbackOptions(config), {
    ...{ clock, log, outbound },
    headers: headerMaker.plain,
    body: (session) =>
      sessionBody({ ...session, ...stateOf(session.streamName), readBytesSum: 0, wroteBytesSum: 0 }, serverId),
  });
  return allOf([
    blacklist,
    createSimpleAuth(simpleAuthOptions(config)),
    ...(jwt === null ? [] : [createJwtAuth(jwt)]),
    callbacks,
    ...(last === undefined ? [] : [last(config)]),
  ]);
}
