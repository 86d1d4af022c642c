/** The section `millrace`: settings that the original does not have, all with real defaults. */
import { z } from 'zod';
import { headers, keyInfo, MAX_TIMER_MS, sectionInfo, signingSecrets, text, whole } from './key.ts';
import { admissionSection, ownApiSection } from './schema-access.ts';

const UNLISTED = { isListedWhenMissing: false } as const;
const MIB = 1024 * 1024;
const TEN_YEARS_HOURS = 87_600;

const fanoutSection = z
  .object({
    gather_ms: whole(
      'audio waits for the next video frame, so that both are written at once, but no longer than this; milliseconds; 0: each frame is written by itself',
      30,
      { max: 10_000 },
    ),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('How streams are written to players', UNLISTED));

const notifySection = z
  .object({
    outbox_path: text(
      'database that holds events until they are delivered; its folder is made',
      './millrace_data/outbox.db',
    ),
    concurrency: whole('requests in flight at once per receiver, at most one per stream', 64, { min: 1, max: 10_000 }),
    timeout_ms: whole('a receiver that has not answered by then is asked again; milliseconds', 5000, {
      min: 1,
      max: MAX_TIMER_MS,
    }),
    max_age_hours: whole('an event that could not be delivered this long is given up; hours', 72, {
      min: 1,
      max: TEN_YEARS_HOURS,
    }),
    retention_hours: whole('delivered events are kept this long; hours', 72, { max: TEN_YEARS_HOURS }),
    signing_secrets: signingSecrets(
      'secrets of the header `webhook-signature` (Standard Webhooks); several while one is replaced',
    ),
    headers: headers('headers that every event bears'),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('How HTTP Notify delivers', UNLISTED));

const limitsSection = z
  .object({
    handshake_timeout_ms: whole('a handshake or request that is not complete by then is closed; milliseconds', 10_000, {
      min: 1,
      max: MAX_TIMER_MS,
    }),
    idle_timeout_ms: whole(
      'a publisher that brings no byte, or a player to whom nothing could be written, for this long is closed; milliseconds',
      10_000,
      { min: 1, max: MAX_TIMER_MS },
    ),
    max_message_bytes: whole('a publisher that sends a larger message is closed; bytes', 16 * MIB, {
      min: 4096,
      max: 1024 * MIB,
    }),
    subscriber_backlog_bytes: whole('a player with more bytes than this waiting loses whole GOPs; bytes', 8 * MIB, {
      min: 65_536,
      max: 1024 * MIB,
    }),
    subscriber_backlog_ms: whole('likewise, as time of the stream at its present bit rate; milliseconds', 10_000, {
      min: 100,
      max: 3_600_000,
    }),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('Bounds', UNLISTED));

export const millraceSection = z
  .object({
    threads: whole('threads that serve players', 1, { min: 1, max: 256 }),
    fanout: fanoutSection,
    notify: notifySection,
    limits: limitsSection,
    admission: admissionSection,
    api: ownApiSection,
  })
  .prefault({})
  .register(keyInfo, sectionInfo('Settings of Millrace’s own', UNLISTED));
