/** The sections of `millrace` that say who is let in, and who may use the API. */
import { z } from 'zod';
import { allLive, flag, keyInfo, live, MAX_TIMER_MS, notifyUrl, sectionInfo, text, whole } from './key.ts';

const UNLISTED = { isListedWhenMissing: false } as const;

const jwtSection = z
  .object(
    allLive('new sessions', {
      publish: flag('publishers must bring a token'),
      play: flag('players must bring a token'),
      key: text('shared secret (HS256, HS384, HS512) or PEM public key that tokens are checked with', '', {
        isSecret: true,
      }),
      jwks_file: text('file of a JSON Web Key Set; counts where `key` is empty'),
      param: text('parameter of the URL that carries the token', 'token'),
      issuer: text('what the claim `iss` must be; empty: anything'),
      audience: text('what the claim `aud` must be; empty: anything'),
    }),
  )
  .prefault({})
  .register(keyInfo, sectionInfo('Admission by JSON Web Token', UNLISTED));

export const admissionSection = z
  .object({
    ...allLive('new sessions', {
      on_publish: notifyUrl('asked before a publisher is let in', {}),
      on_play: notifyUrl('asked before a player is let in', {}),
      timeout_ms: whole('how long an answer is waited for; milliseconds', 5000, { min: 1, max: MAX_TIMER_MS }),
      fail_open: flag('those are let in about whom nobody answers'),
    }),
    jwt: jwtSection,
  })
  .prefault({})
  .register(keyInfo, sectionInfo('Who is let in', UNLISTED));

export const ownApiSection = z
  .object({
    token: live(
      'at once',
      text('callers of the HTTP API must bring it (`Authorization: Bearer …`); empty: they need none', '', {
        isSecret: true,
      }),
    ),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('Access to the HTTP API', UNLISTED));
