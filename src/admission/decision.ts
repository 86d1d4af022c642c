/** Several ways of deciding who is let in, asked one after the other. */
import type { Admission, Decision } from '../streams/index.ts';

/** Lets in whom all of them let in; what they add is put together, a later one's word before an earlier one's. */
export function allOf(admissions: readonly Admission[]): Admission {
  return {
    decide: async (request) => {
      let granted: Decision = { ok: true };
      let { session } = request;
      for (const admission of admissions) {
        const decision = await admission.decide({ ...request, session });
        if (!decision.ok) return decision;
        granted = { ...granted, ...decision };
        if (decision.streamName !== undefined) session = { ...session, streamName: decision.streamName };
      }
      return granted;
    },
  };
}
