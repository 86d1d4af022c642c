/** The sections of the configuration that say where streams come in and go out. */
import { z } from 'zod';
import {
  address,
  allLive,
  derivedWhole,
  flag,
  keyInfo,
  live,
  MAX_TIMER_MS,
  onOff,
  sectionInfo,
  text,
  urlPattern,
  whole,
} from './key.ts';

const GOPS = 'GOPs kept for a new player, who then starts at once; 0: it waits for the next key frame';
const GOP_FRAMES = 'a GOP of more frames than this is not kept; 0: no bound';
const CERT_FILE = 'PEM file of the certificate and its chain';
const KEY_FILE = 'PEM file of the private key';
const LISTED = { isListedWhenMissing: true } as const;

export const rtmpSection = z
  .object({
    enable: onOff('RTMP, publish and play'),
    addr: address('where RTMP listens'),
    rtmps_enable: onOff('RTMP over TLS'),
    rtmps_addr: address('where RTMP over TLS listens'),
    ...allLive('new sessions', { rtmps_cert_file: text(CERT_FILE), rtmps_key_file: text(KEY_FILE) }),
    ...allLive('new streams', {
      gop_num: whole(GOPS, 0, {}, { off: 'value' }),
      single_gop_max_frame_num: whole(GOP_FRAMES, 0, {}, { off: 'value' }),
      merge_write_size: whole('bytes gathered before a write to players; 0: none', 0, {}, { off: 'value' }),
    }),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('RTMP', LISTED));

export const inSessionSection = z
  .object(
    allLive('new streams', {
      add_dummy_audio_enable: onOff('adds silent AAC to a stream that shows no audio'),
      add_dummy_audio_wait_audio_ms: whole('how long the stream may show no audio before that; milliseconds', 0, {
        max: MAX_TIMER_MS,
      }),
    }),
  )
  .prefault({})
  .register(keyInfo, sectionInfo('What is done to incoming streams', LISTED));

/** The addresses of an HTTP section; what one leaves empty it inherits from `default_http`. */
function httpAddresses(inherited: string) {
  return {
    http_listen_addr: address(`where HTTP listens${inherited}`),
    https_listen_addr: address(`where HTTPS listens${inherited}`),
    ...allLive('new sessions', {
      https_cert_file: text(`${CERT_FILE}${inherited}`),
      https_key_file: text(`${KEY_FILE}${inherited}`),
    }),
  };
}

export const defaultHttpSection = z
  .object(httpAddresses(''))
  .prefault({})
  .register(
    keyInfo,
    sectionInfo('Addresses of httpflv, httpts and hls where they set none of their own', {
      isListedWhenMissing: false,
    }),
  );

const INHERITED = httpAddresses('; empty: as in `default_http`');

/** HTTP-FLV and HTTP-TS have the same keys. */
function progressiveSection(name: string) {
  return z
    .object({
      enable: onOff(`${name} and WebSocket on the HTTP port`),
      enable_https: onOff(`${name} and WebSocket on the HTTPS port`),
      url_pattern: urlPattern('only paths that begin so are served', '/live/'),
      ...allLive('new streams', {
        gop_num: whole(GOPS, 0, {}, { off: 'value' }),
        single_gop_max_frame_num: whole(GOP_FRAMES, 0, {}, { off: 'value' }),
      }),
      ...INHERITED,
    })
    .prefault({})
    .register(keyInfo, sectionInfo(name, LISTED));
}

export const httpflvSection = progressiveSection('HTTP-FLV');
export const httptsSection = progressiveSection('HTTP-TS');

export const hlsSection = z
  .object({
    enable: onOff('HLS on the HTTP port'),
    enable_https: onOff('HLS on the HTTPS port'),
    url_pattern: urlPattern('only paths that begin so are served', '/hls/'),
    out_path: text('folder of the playlists and segments'),
    ...allLive('new streams', {
      fragment_duration_ms: whole('a segment ends at the first key frame after this; milliseconds', 0, {
        max: MAX_TIMER_MS,
      }),
      fragment_num: whole('segments in the live playlist'),
      delete_threshold: derivedWhole(
        'segments kept behind the live playlist before they are deleted',
        '`fragment_num`',
      ),
      cleanup_mode: whole(
        '0: nothing is deleted; 1: the folder some time after the stream ended; 2: segments as they grow old, and the folder',
        1,
        { max: 2 },
      ),
    }),
    use_memory_as_disk_flag: flag('nothing touches the disk', false, { off: 'value' }),
    sub_session_timeout_ms: live(
      'at once',
      derivedWhole(
        'a player that asks for nothing this long is gone; milliseconds',
        '2 × `fragment_num` × `fragment_duration_ms`',
        { max: MAX_TIMER_MS },
      ),
    ),
    sub_session_hash_key: text('secret of the players’ session ids; empty: players are not told apart', '', {
      off: 'value',
      isSecret: true,
    }),
    ...INHERITED,
  })
  .prefault({})
  .register(keyInfo, sectionInfo('HLS', LISTED));

export const rtspSection = z
  .object({
    enable: onOff('RTSP, publish and play'),
    addr: address('where RTSP listens'),
    rtsps_enable: onOff('RTSP over TLS'),
    rtsps_addr: address('where RTSP over TLS listens'),
    ...allLive('new sessions', { rtsps_cert_file: text(CERT_FILE), rtsps_key_file: text(KEY_FILE) }),
    out_wait_key_frame_flag: live('no effect', flag('no effect: a player begins at a key frame in any case')),
    ...allLive('new sessions', {
      auth_enable: flag('players must authenticate (DESCRIBE)', false, { off: 'value' }),
      auth_method: whole('0: Basic, 1: Digest', 0, { max: 1 }),
      username: text('name that clients must give'),
      password: text('password that clients must give', '', { isSecret: true }),
      // our own, and so never missed in a file of the original's
      pub_auth_enable: flag('publishers must authenticate (ANNOUNCE) with the same name and password'),
    }),
    ws_rtsp_enable: onOff('RTSP over WebSocket, play'),
    ws_rtsp_addr: address('where RTSP over WebSocket listens'),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('RTSP', LISTED));
