/** Asks functions of the program that the server runs in whether a publisher or player is let in. */
import { z } from 'zod';
import type { Admission, Decision, Log, SessionIdentity } from '../streams/index.ts';
import { cleanReason, grantedLifetime, grantedName, grantedRecord } from './grant.ts';

/** Yes, no, or a decision that says more. */
export type AdmissionAnswer = boolean | Decision;

/** Who is let in; a direction without a function lets everybody in. */
export interface AdmissionFunctions {
  /** Asked before a publisher of any protocol is let in. */
  publish?(session: SessionIdentity): AdmissionAnswer | Promise<AdmissionAnswer>;
  /** Asked before a player of any protocol is let in; HLS once for each player's session. */
  play?(session: SessionIdentity): AdmissionAnswer | Promise<AdmissionAnswer>;
}

export interface FunctionAdmissionOptions {
  /** An answer that takes longer counts as none. Milliseconds. */
  readonly timeoutMs: number;
  /** Whether those are let in about whom no answer came. */
  readonly failOpen: boolean;
}

const LET_IN = { ok: true } as const;
const REFUSED = { ok: false, reason: 'not allowed' } as const;
const UNDECIDED = { ok: false, reason: 'it could not be decided whether this is allowed' } as const;
const LATE = Symbol('late');

const answerSchema = z.union([
  z.boolean().transform((isLetIn) => (isLetIn ? LET_IN : REFUSED)),
  z
    .strictObject({
      ok: z.literal(true),
      streamName: grantedName.optional(),
      lifetimeSec: grantedLifetime.optional(),
      record: grantedRecord.optional(),
    })
    .transform(({ streamName, lifetimeSec, record }) => ({
      ...LET_IN,
      ...(streamName === undefined ? {} : { streamName }),
      ...(lifetimeSec === undefined ? {} : { lifetimeSec }),
      ...(record === undefined ? {} : { record }),
    })),
  z.strictObject({
    ok: z.literal(false),
    reason: z.string().transform((text) => cleanReason(text) || REFUSED.reason),
  }),
]);

/** Admission that functions decide. A function that throws, or answers something else, lets nobody in. */
export function createFunctionAdmission(
  functions: AdmissionFunctions,
  { timeoutMs, failOpen }: FunctionAdmissionOptions,
  log: Log,
): Admission {
  return {
    decide: async ({ direction, session }): Promise<Decision> => {
      if (functions[direction] === undefined) return LET_IN;
      const fields = { direction, session: session.sessionId, stream: session.streamName };
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<typeof LATE>((resolve) => {
        timer = setTimeout(() => resolve(LATE), timeoutMs);
      });
      try {
        const answer: unknown = await Promise.race([functions[direction](session), late]);
        if (answer === LATE) {
          log.warn({ ...fields, timeoutMs, failOpen }, 'the admission function did not answer in time');
          return failOpen ? LET_IN : UNDECIDED;
        }
        const parsed = answerSchema.safeParse(answer);
        if (parsed.success) return parsed.data;
        log.error({ ...fields, answer }, 'the answer of the admission function cannot be understood');
      } catch (error) {
        log.error({ ...fields, error }, 'the admission function failed');
      } finally {
        clearTimeout(timer);
      }
      return UNDECIDED;
    },
  };
}
