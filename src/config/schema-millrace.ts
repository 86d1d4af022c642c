/** The section `millrace`: settings that the original does not have, all with real defaults. */
import { z } from 'zod';
import {
  allLive,
  derivedWhole,
  flag,
  headers,
  hostEntries,
  keyInfo,
  live,
  MAX_TIMER_MS,
  notifyUrl,
  oneOf,
  sectionInfo,
  signingSecrets,
  text,
  whole,
} from './key.ts';
import { admissionSection, ownApiSection } from './schema-access.ts';

const UNLISTED = { isListedWhenMissing: false } as const;
const MIB = 1024 * 1024;
const TEN_YEARS_HOURS = 87_600;

const fanoutSection = z
  .object(
    allLive('new streams', {
      gather_ms: whole(
        'audio waits for the next video frame, so that both are written at once, but no longer than this; milliseconds; 0: each frame is written by itself',
        45,
        { max: 10_000 },
      ),
    }),
  )
  .prefault({})
  .register(keyInfo, sectionInfo('How streams are written to players', UNLISTED));

const notifySection = z
  .object({
    outbox_path: text(
      'database that holds events until they are delivered; its folder is made',
      './millrace_data/outbox.db',
    ),
    ...allLive('at once', {
      concurrency: whole('requests in flight at once per receiver, at most one per stream', 64, {
        min: 1,
        max: 10_000,
      }),
      timeout_ms: whole('a receiver that has not answered by then is asked again; milliseconds', 5000, {
        min: 1,
        max: MAX_TIMER_MS,
      }),
      max_age_hours: whole('an event that could not be delivered this long is given up; hours', 72, {
        min: 1,
        max: TEN_YEARS_HOURS,
      }),
    }),
    retention_hours: whole('delivered events are kept this long; hours', 72, { max: TEN_YEARS_HOURS }),
    ...allLive('at once', {
      signing_secrets: signingSecrets(
        'secrets of the header `webhook-signature` (Standard Webhooks); several while one is replaced',
      ),
      headers: headers('headers that every event bears'),
      on_record_start: notifyUrl('a record’s file was begun', {}),
      on_record_stop: notifyUrl('a record’s file is complete', {}),
    }),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('How HTTP Notify delivers', UNLISTED));

const PEERS_DEFAULT = 'derived from the file descriptors that the process may have';

const limitsSection = z
  .object({
    ...allLive('at once', {
      max_connections: derivedWhole(
        'connections of publishers and players at a time, over all listeners and threads; more are closed as they come; those of the HTTP API are not counted; 0: no bound',
        `${PEERS_DEFAULT}: four fifths of what is left of them without 128 and a twentieth`,
      ),
      max_connections_per_address: whole(
        'likewise from one IP address, or from the first 64 bits of an IPv6 address; many people may come from one address (NAT, a proxy), so there is none where nothing is said; 0: no bound',
        0,
      ),
      max_requests_per_sec_per_address: whole(
        'requests over HTTP of one IP address, or of the first 64 bits of an IPv6 address, in a second, over all of its connections; more are answered 429; a proxy in front is one address, so with many viewers behind it raise this; 0: no bound',
        5000,
      ),
      max_api_connections: whole(
        'connections to the HTTP API at a time, beside those of publishers and players; 0: no bound',
        256,
      ),
      min_read_bytes_per_sec: whole(
        'a client that takes less than this of an answer over HTTP, on average over 30 s, is closed; bytes a second; 0: no bound',
        1000,
        { max: 1024 * MIB },
      ),
      max_groups: whole(
        'streams at a time, those that players wait for counted in; who would begin one more is refused; 0: no bound',
        10_000,
      ),
      max_subscribers_per_group: whole('players of one stream at a time; more are refused; 0: no bound', 0),
      max_udp_sockets: derivedWhole(
        'UDP sockets of RTSP at a time, two for each track; who needs more is refused; 0: no bound',
        `${PEERS_DEFAULT}: one fifth of what is left of them without 128 and a twentieth`,
      ),
      max_udp_sockets_per_address: whole('likewise for clients of one address; 0: no bound', 1024),
      max_gb28181_ports: whole('ports of GB28181 publishers at a time; more are refused; 0: no bound', 1000),
    }),
    handshake_timeout_ms: whole('a handshake or request that is not complete by then is closed; milliseconds', 10_000, {
      min: 1,
      max: MAX_TIMER_MS,
    }),
    ...allLive('new streams', {
      idle_timeout_ms: whole(
        'a publisher that brings no byte, or a player to whom nothing could be written, for this long is closed; milliseconds',
        10_000,
        { min: 1, max: MAX_TIMER_MS },
      ),
    }),
    max_message_bytes: whole('a publisher that sends a larger message is closed; bytes', 16 * MIB, {
      min: 4096,
      max: 1024 * MIB,
    }),
    ...allLive('new streams', {
      subscriber_backlog_bytes: whole('a player with more bytes than this waiting loses whole GOPs; bytes', 8 * MIB, {
        min: 65_536,
        max: 1024 * MIB,
      }),
      subscriber_backlog_ms: whole('likewise, as time of the stream at its present bit rate; milliseconds', 10_000, {
        min: 100,
        max: 3_600_000,
      }),
    }),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('Bounds', UNLISTED));

const hlsOwnSection = z
  .object(
    allLive('new streams', {
      low_latency: flag('low-latency HLS in fragmented MP4 beside the other: `/hls/STREAM/ll.m3u8`', true),
      part_duration_ms: whole('about how long its parts are; milliseconds', 200, { min: 50, max: 2000 }),
    }),
  )
  .prefault({})
  .register(keyInfo, sectionInfo('HLS, what the original does not have', UNLISTED));

const flvSection = z
  .object({
    hevc: oneOf(
      'how H265 is tagged for players of RTMP and HTTP-FLV, in records and in pushes: by codec id 12, as the original does, or by enhanced RTMP, which ffmpeg from 6.1 on reads; an RTMP player that names hvc1 when it connects is sent enhanced RTMP in either case',
      ['codec-id-12', 'enhanced'],
    ),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('FLV, and RTMP, whose messages are the same', UNLISTED));

const recordSection = z
  .object({
    ...allLive('new streams', {
      enable_mp4: flag('records every stream as STREAM-UNIXSEC.mp4'),
      mp4_out_path: text('folder of the MP4 files', './lal_record/mp4/'),
      split_duration_sec: whole('a file ends at the first key frame after so many seconds; 0: never for that', 0, {
        max: 31_536_000,
      }),
      split_bytes: whole('a file ends at the first key frame after so many bytes; 0: never for that'),
    }),
    retention_hours: live(
      'at once',
      whole('files are deleted so long after their last byte; hours; 0: never', 0, {
        max: TEN_YEARS_HOURS,
      }),
    ),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('Recording: MP4, and what holds for all formats', UNLISTED));

const publishSection = z
  .object(
    allLive('new streams', {
      takeover: oneOf('a publisher that comes while there is one is refused, or takes its place', [
        'refuse',
        'replace',
      ]),
      grace_ms: whole(
        'a publisher that comes back within this time goes on with the HLS playlist, the records and the pushes of the one that was lost; milliseconds',
        0,
        { max: 600_000 },
      ),
    }),
  )
  .prefault({})
  .register(keyInfo, sectionInfo('Publishers that come back', UNLISTED));

const relaySection = z
  .object(
    allLive('new sessions', {
      verify_tls: flag('certificates of RTMPS and RTSPS servers that streams are pulled from must be trusted', true),
    }),
  )
  .prefault({})
  .register(keyInfo, sectionInfo('Streams from and to other servers', UNLISTED));

const outboundSection = z
  .object(
    allLive('new sessions', {
      allow: hostEntries(
        'the only hosts that callbacks, decision callbacks, pulls and pushes may connect to; a name that is not in the list is connected to at those of its addresses that are; empty: all hosts',
      ),
    }),
  )
  .prefault({})
  .register(keyInfo, sectionInfo('Where this server may connect to by itself', UNLISTED));

export const millraceSection = z
  .object({
    threads: whole(
      'threads that serve players; 1: the main thread does; more: so many beside it; 0: one less than there are cores, at least one',
      1,
      { max: 256 },
    ),
    fanout: fanoutSection,
    notify: notifySection,
    limits: limitsSection,
    flv: flvSection,
    hls: hlsOwnSection,
    publish: publishSection,
    record: recordSection,
    relay: relaySection,
    outbound: outboundSection,
    admission: admissionSection,
    api: ownApiSection,
  })
  .prefault({})
  .register(keyInfo, sectionInfo('Settings of Millrace’s own', UNLISTED));
