/** What is wrong with bytes from the wire, as a value. */

/** Names what was found and what is allowed; fit for a log line. */
export interface Problem {
  readonly problem: string;
}

export function isProblem(result: object): result is Problem {
  return 'problem' in result;
}
