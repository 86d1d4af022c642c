/** What may be asked for beside letting somebody in, and what a refusal may say: the same for callbacks and functions. */
import { z } from 'zod';

/** A refusal's text as the client is told it. Characters. */
const MAX_REASON_LENGTH = 200;
const MAX_NAME_LENGTH = 1024;
const MAX_LIFETIME_SEC = 31_536_000;

/** The stream that is published or played in truth. */
export const grantedName = z
  .string()
  .min(1)
  .max(MAX_NAME_LENGTH)
  .refine((name) => !name.includes('/') && !name.includes('\0') && name !== '.' && name !== '..');

/** How long the session may last. */
export const grantedLifetime = z.number().positive().max(MAX_LIFETIME_SEC);

/** The format of a record. */
export const grantedRecord = z.enum(['flv', 'ts', 'mp4']);

/** One line that a client may be shown. */
export function cleanReason(text: string): string {
  return text
    .replace(/[^\P{C}]+/gu, ' ')
    .trim()
    .slice(0, MAX_REASON_LENGTH);
}
