/** The kinds of keys that the configuration is made of, each with what it means, what is allowed, and what it is where it is missing. */
import { z } from 'zod';
import { HOST_ENTRY, isHostEntry } from '../net/index.ts';
import { ALLOWED_ADDRESS, type ConfiguredAddress, parseAddress } from './addr.ts';

/** What is known of a key or a section, for error messages, warnings and the documentation. */
export interface KeyInfo {
  readonly meaning: string;
  /** Completes "allowed: …" and is the documentation's column "type". */
  readonly allowed: string;
  /** Completes "allowed: …" for one element of a list or an object; absent where the key holds neither. */
  readonly allowedInside?: string;
  /** The documentation's column "default". Empty for sections. */
  readonly whenMissing: string;
  /**
   * A key whose absence turns something off, and so is worth a warning: `switch` turns a part on by itself, `value` means
   * something only beside a switch that is on.
   */
  readonly off?: 'switch' | 'value';
  /** Its value is never shown. */
  readonly isSecret?: boolean;
  /** Absent: a change counts after a restart. */
  readonly reload?: Reload;
}

/**
 * What a reload changes: everything from then on; sessions that begin after it; streams that begin after it; nothing,
 * since the key has no effect at all.
 */
export type Reload = 'at once' | 'new sessions' | 'new streams' | 'no effect';

type Extra = Pick<KeyInfo, 'off' | 'isSecret'>;

/** Every key's and section's information, by its schema. */
export const keyInfo: z.core.$ZodRegistry<KeyInfo> = z.registry<KeyInfo>();

/** The longest time that a timer of the runtime can take. Milliseconds. */
export const MAX_TIMER_MS = 2_147_483_647;
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
const OWN_HEADERS = /^(?:host|connection|content-.*|transfer-encoding|webhook-.*|millrace-.*)$/i;
const OWN_HEADERS_TEXT =
  'but not Host, Connection, Content-*, Transfer-Encoding, Webhook-*, Millrace-*, which the server sets';

/** The schema of a key whose change a reload applies. */
export function live<S extends z.core.$ZodType>(reload: Reload, schema: S): S {
  const info = keyInfo.get(schema);
  if (info === undefined) throw new Error('a key is described before it is said to be live');
  keyInfo.add(schema, { ...info, reload });
  return schema;
}

/** The keys of a section, all of them live in the same way. */
export function allLive<T extends z.core.$ZodShape>(reload: Reload, shape: T): T {
  for (const schema of Object.values(shape)) live(reload, schema);
  return shape;
}

export interface SectionNote {
  /** Where the file has no such section, the log says that it is off. */
  readonly isListedWhenMissing: boolean;
}

/** A section's information. */
export function sectionInfo(meaning: string, { isListedWhenMissing }: SectionNote): KeyInfo {
  return { meaning, allowed: 'an object', whenMissing: '', ...(isListedWhenMissing ? { off: 'switch' } : {}) };
}

/** `true` or `false`. */
export function flag(meaning: string, whenMissing = false, extra: Extra = {}) {
  const info: KeyInfo = { meaning, allowed: 'true or false', whenMissing: String(whenMissing), ...extra };
  return z.boolean().default(whenMissing).register(keyInfo, info);
}

/** A switch: turns a part of the server on by itself, and is off where the file does not name it. */
export function onOff(meaning: string) {
  return flag(meaning, false, { off: 'switch' });
}

/** One of these words; the first one where it is missing. */
export function oneOf<const T extends readonly [string, ...string[]]>(meaning: string, words: T) {
  const [first] = words;
  const allowed = `one of ${words.map((word) => JSON.stringify(word)).join(', ')}`;
  return z
    .enum(words)
    .default(first)
    .register(keyInfo, { meaning, allowed, whenMissing: JSON.stringify(first) });
}

export interface Range {
  readonly min?: number;
  readonly max?: number;
}

/** A whole number. */
export function whole(meaning: string, whenMissing = 0, range: Range = {}, extra: Extra = {}) {
  const { allowed, schema } = wholeWithin(range);
  return schema
    .default(whenMissing)
    .register(keyInfo, { meaning, allowed, whenMissing: String(whenMissing), ...extra });
}

/** A whole number that is derived from other keys where it is missing. */
export function derivedWhole(meaning: string, whenMissing: string, range: Range = {}) {
  const { allowed, schema } = wholeWithin(range);
  return schema.optional().register(keyInfo, { meaning, allowed, whenMissing });
}

function wholeWithin({ min = 0, max = Number.MAX_SAFE_INTEGER }: Range) {
  const allowed = max === Number.MAX_SAFE_INTEGER ? `an integer of ${min} or more` : `an integer from ${min} to ${max}`;
  return { allowed, schema: z.int().min(min).max(max) };
}

/** Any text. */
export function text(meaning: string, whenMissing = '', extra: Extra = {}) {
  const info: KeyInfo = { meaning, allowed: 'a string', whenMissing: JSON.stringify(whenMissing), ...extra };
  return z.string().default(whenMissing).register(keyInfo, info);
}

/** The address of a listener; null where it is missing or empty. */
export function address(meaning: string) {
  return z
    .string()
    .transform((value, context): ConfiguredAddress | null => {
      if (value === '') return null;
      const parsed = parseAddress(value);
      if (parsed === null) context.addIssue('not an address');
      return parsed;
    })
    .default(null)
    .register(keyInfo, { meaning, allowed: ALLOWED_ADDRESS, whenMissing: '""' });
}

const RELAY_ADDRESS = /^[^\s/]+$/;

/** The address of another server, to which `rtmp://` is put before; empty: none. */
export function relayAddress(meaning: string) {
  return z
    .string()
    .refine((value) => value === '' || RELAY_ADDRESS.test(value))
    .default('')
    .register(keyInfo, { meaning, allowed: 'a string HOST:PORT', whenMissing: '""' });
}

/** A list of addresses of other servers. */
export function relayAddresses(meaning: string) {
  return z.array(z.string().regex(RELAY_ADDRESS)).default([]).register(keyInfo, {
    meaning,
    allowed: 'a list of strings HOST:PORT',
    allowedInside: 'a string HOST:PORT',
    whenMissing: '[]',
  });
}

/** A list of hosts that may be connected to. */
export function hostEntries(meaning: string) {
  return z
    .array(z.string().refine(isHostEntry))
    .default([])
    .register(keyInfo, {
      meaning,
      allowed: `a list, each ${HOST_ENTRY}`,
      allowedInside: HOST_ENTRY,
      whenMissing: '[]',
    });
}

/** A prefix of paths; slashes that are missing at its ends are put there. */
export function urlPattern(meaning: string, whenMissing: string) {
  return z
    .string()
    .regex(/^[^?#\s]*$/)
    .transform((value) => (value === '' ? whenMissing : withSlashes(value)))
    .default(whenMissing)
    .register(keyInfo, { meaning, allowed: 'a string /PATH/', whenMissing: JSON.stringify(whenMissing) });
}

function withSlashes(value: string): string {
  const started = value.startsWith('/') ? value : `/${value}`;
  return started.endsWith('/') ? started : `${started}/`;
}

/** Where something is posted to; null: nowhere. Off where it is missing, unless `extra` says another thing. */
export function notifyUrl(meaning: string, extra: Extra = { off: 'value' }) {
  return z
    .string()
    .nullable()
    .refine((value) => value === null || value === '' || isHttpUrl(value))
    .transform((value) => (value === '' ? null : value))
    .default(null)
    .register(keyInfo, {
      meaning,
      allowed: 'a string http://… or https://…, "" or null',
      whenMissing: '""',
      ...extra,
    });
}

function isHttpUrl(value: string): boolean {
  return /^https?:\/\//i.test(value) && URL.canParse(value);
}

/** Secrets of Standard Webhooks: base64 of 24 to 64 bytes behind `whsec_`. */
export function signingSecrets(meaning: string) {
  return z.array(z.string().refine(isSigningSecret)).default([]).register(keyInfo, {
    meaning,
    allowed: 'a list of strings whsec_BASE64, each of 24 to 64 bytes',
    allowedInside: 'a string whsec_BASE64 of 24 to 64 bytes',
    whenMissing: '[]',
    isSecret: true,
  });
}

function isSigningSecret(value: string): boolean {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(value)?.[1];
  if (base64 === undefined) return false;
  const bytes = Buffer.from(base64, 'base64').length;
  return bytes >= 24 && bytes <= 64;
}

/** Headers that are sent along; those that the server sets itself are refused. */
export function headers(meaning: string) {
  const names = z.string().refine((name) => TOKEN.test(name) && !OWN_HEADERS.test(name));
  const values = z.string().regex(/^[\t\x20-\x7e\xa0-\xff]*$/);
  return z
    .preprocess(withoutComments, z.record(names, values))
    .default({})
    .register(keyInfo, {
      meaning,
      allowed: `an object of header names and strings, ${OWN_HEADERS_TEXT}`,
      allowedInside: `a header's name and a string without control characters, ${OWN_HEADERS_TEXT}`,
      whenMissing: '{}',
      isSecret: true,
    });
}

/** Whether a key is a comment. */
export function isComment(key: string): boolean {
  return key.startsWith('#');
}

function withoutComments(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !isComment(key)));
}
