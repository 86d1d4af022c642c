/** Takes secrets out of text that people read, such as the log's lines, wherever in it they stand. */

/** Parameters of URLs whose values nobody who reads a log needs to know. */
export const SECRET_PARAMS = [
  'lal_secret',
  'token',
  'access_token',
  'password',
  'passwd',
  'pass',
  'pwd',
  'secret',
  'sign',
  'signature',
  'auth_key',
  'key',
  'jwt',
] as const;

const HIDDEN = '***';

/** Makes what hides these parameters' values, and passwords of URLs, in a line of text or JSON. @param more names beside SECRET_PARAMS */
export function createRedactor(more: readonly string[]): (line: string) => string {
  const names = [...SECRET_PARAMS, ...more].filter((name) => name !== '').map((name) => RegExp.escape(name));
  // a value ends where the parameter, the URL or the JSON string does
  const params = new RegExp(`([?&"](?:${names.join('|')})=)[^&"#\\s\\\\]+`, 'gi');
  // also where the colon before the slashes was forgotten
  const passwords = /(\/\/[^/?#\s"@:]*:)[^/?#\s"]*@/g;
  return (line) => line.replace(params, `$1${HIDDEN}`).replace(passwords, `$1${HIDDEN}@`);
}
