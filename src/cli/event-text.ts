/** A callback as `millrace receive` shows it: one line of what matters, then the body. */
import { inspect, styleText } from 'node:util';

export interface ReceivedEvent {
  /** The last part of the path: `on_pub_start`. */
  readonly event: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  readonly signature: SignatureCheck;
  /** Whether the same event has come before. */
  readonly isAgain: boolean;
  /** Milliseconds since 1970. */
  readonly unixMs: number;
}

/** What looking at the signature gave. `unchecked`: no secret is known here. */
export type SignatureCheck =
  | { readonly kind: 'right' | 'missing' | 'unchecked' }
  | { readonly kind: 'wrong'; readonly why: string };

const EVENT_WIDTH = 22;
const INDENT = '    ';
/** Terminals are not told how to behave by what comes over the network. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\x00-\x1f\x7f-\x9f]/g;

/** Lines for a terminal. */
export function eventText(event: ReceivedEvent, hasColors: boolean): string {
  const style = (format: Parameters<typeof styleText>[0], text: string): string =>
    hasColors ? styleText(format, text, { validateStream: false }) : text;
  const fields = fieldsOf(event.body);
  const field = (name: string): string => {
    const value = fields?.[name];
    return typeof value === 'string' || typeof value === 'number' ? clean(String(value)) : '';
  };
  const header = (name: string): string => clean(String(event.headers[name] ?? ''));
  const names = [field('stream_name'), field('session_id'), field('remote_addr')].filter((name) => name !== '');
  const attempt = header('millrace-attempt');
  const remarks = [
    header('millrace-reason'),
    attempt === '' || attempt === '1' ? '' : style('yellow', `attempt ${attempt}`),
    event.isAgain ? style('yellow', 'came before') : '',
    signatureText(event.signature, style),
  ].filter((remark) => remark !== '');
  const head = [
    style('dim', new Date(event.unixMs).toISOString().slice(11, 23)),
    style('bold', clean(event.event).padEnd(EVENT_WIDTH)),
    names.join('  '),
    remarks.length === 0 ? '' : `(${remarks.join(', ')})`,
  ];
  return `${head.filter((part) => part !== '').join('  ')}\n${bodyText(event.body, fields, hasColors)}`;
}

function signatureText(check: SignatureCheck, style: (format: 'green' | 'red', text: string) => string): string {
  switch (check.kind) {
    case 'right':
      return style('green', 'signature right');
    case 'missing':
      return style('red', 'SIGNATURE MISSING');
    case 'wrong':
      return style('red', `SIGNATURE WRONG: ${check.why}`);
    case 'unchecked':
      return '';
  }
}

function bodyText(body: string, fields: Record<string, unknown> | null, colors: boolean): string {
  if (fields === null) return `${INDENT}no JSON object: ${clean(body)}`;
  const { groups } = fields;
  // on_update has everything, again and again
  if (Array.isArray(groups)) return `${INDENT}${groups.length} ${groups.length === 1 ? 'group' : 'groups'}`;
  return inspect(fields, { colors, depth: null, breakLength: 110, maxArrayLength: null, maxStringLength: null })
    .split('\n')
    .map((line) => INDENT + line)
    .join('\n');
}

function fieldsOf(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

function clean(text: string): string {
  return text.replace(CONTROLS, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
