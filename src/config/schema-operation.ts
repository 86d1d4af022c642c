/** The sections of the configuration that say what is recorded, relayed, reported, admitted and logged. */
import { z } from 'zod';
import {
  address,
  allLive,
  flag,
  keyInfo,
  live,
  MAX_TIMER_MS,
  notifyUrl,
  onOff,
  relayAddress,
  relayAddresses,
  sectionInfo,
  text,
  whole,
} from './key.ts';

const LISTED = { isListedWhenMissing: true } as const;
const NO_EFFECT = 'read for the original’s sake; has no effect here';

export const recordSection = z
  .object(
    allLive('new streams', {
      enable_flv: onOff('records every stream as STREAM-UNIXSEC.flv'),
      flv_out_path: text('folder of the FLV files'),
      enable_mpegts: onOff('records every stream as STREAM-UNIXSEC.ts'),
      mpegts_out_path: text('folder of the MPEG-TS files'),
    }),
  )
  .prefault({})
  .register(keyInfo, sectionInfo('Recording', LISTED));

export const relayPushSection = z
  .object(
    allLive('new streams', {
      enable: onOff('pushes every published stream on'),
      addr_list: relayAddresses('servers that get it, as rtmp://ADDR/APP/STREAM'),
    }),
  )
  .prefault({})
  .register(keyInfo, sectionInfo('Relay push', LISTED));

export const staticRelayPullSection = z
  .object(
    allLive('new sessions', {
      enable: onOff('pulls a stream that somebody wants to play and that is not here'),
      addr: relayAddress('server that it is pulled from, as rtmp://ADDR/APP/STREAM'),
    }),
  )
  .prefault({})
  .register(keyInfo, sectionInfo('Relay pull on demand', LISTED));

export const httpApiSection = z
  .object({
    enable: onOff('HTTP API'),
    addr: address('where the HTTP API listens'),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('HTTP API', LISTED));

export const httpNotifySection = z
  .object({
    enable: onOff('HTTP Notify: events are posted to the URLs below'),
    ...allLive('at once', {
      update_interval_sec: whole(
        'time between two `on_update`; seconds; 0: none',
        0,
        {
          max: Math.floor(MAX_TIMER_MS / 1000),
        },
        { off: 'value' },
      ),
      on_server_start: notifyUrl('the server listens'),
      on_update: notifyUrl('all groups and sessions, again and again'),
      on_pub_start: notifyUrl('a publisher came'),
      on_pub_stop: notifyUrl('a publisher left'),
      on_sub_start: notifyUrl('a player came'),
      on_sub_stop: notifyUrl('a player left'),
      on_relay_pull_start: notifyUrl('a pull brings its stream'),
      on_relay_pull_stop: notifyUrl('a pull ended, or was given up'),
      on_rtmp_connect: notifyUrl('an RTMP client sent connect'),
      on_hls_make_ts: notifyUrl('an HLS segment was begun or is complete'),
    }),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('HTTP Notify', LISTED));

export const simpleAuthSection = z
  .object(
    allLive('new sessions', {
      key: text('key of `lal_secret`, which is MD5hex(key + stream name) in the URL’s query', '', { isSecret: true }),
      dangerous_lal_secret: text('a `lal_secret` that is right for every stream; empty: none', '', { isSecret: true }),
      pub_rtmp_enable: onOff('RTMP publishers must bring `lal_secret`'),
      sub_rtmp_enable: onOff('RTMP players must bring `lal_secret`'),
      sub_httpflv_enable: onOff('HTTP-FLV players must bring `lal_secret`'),
      sub_httpts_enable: onOff('HTTP-TS players must bring `lal_secret`'),
      pub_rtsp_enable: onOff('RTSP publishers must bring `lal_secret`'),
      sub_rtsp_enable: onOff('RTSP players must bring `lal_secret`'),
      hls_m3u8_enable: onOff('HLS players must bring `lal_secret` to the playlist'),
    }),
  )
  .prefault({})
  .register(keyInfo, sectionInfo('Simple authentication', LISTED));

export const pprofSection = z
  .object({
    enable: onOff('profiles (CPU, heap) and metrics of the runtime'),
    addr: address('where they are served'),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('Profiles and metrics', LISTED));

export const logSection = z
  .object({
    level: live(
      'at once',
      whole('0 trace, 1 debug, 2 info, 3 warn, 4 error, 5 fatal, 6 panic, 7 nothing', 1, { max: 7 }),
    ),
    filename: text('log file, its folder is made; empty: none', './logs/lalserver.log'),
    is_to_stdout: flag('the log goes to stdout as well', true),
    is_rotate_daily: flag('the file becomes FILE.YYYYMMDD at midnight', true),
    is_rotate_hourly: flag('the file becomes FILE.YYYYMMDDHH at each full hour'),
    max_rotate_days: whole('rotated files older than this many days are deleted; 0: none are', 0, { max: 36_500 }),
    short_file_flag: live('no effect', flag(NO_EFFECT, true)),
    timestamp_flag: flag('lines bear the time', true),
    timestamp_with_ms_flag: flag('the time has milliseconds', true),
    level_flag: live('no effect', flag(NO_EFFECT, true)),
    assert_behavior: live('no effect', whole(NO_EFFECT, 1, { max: 3 })),
  })
  .prefault({})
  .register(keyInfo, sectionInfo('Log', { isListedWhenMissing: false }));

export const debugSection = z
  .object(
    allLive('at once', {
      log_group_interval_sec: whole(
        'time between two reports of the groups in the log; seconds; 0: none',
        0,
        {
          max: Math.floor(MAX_TIMER_MS / 1000),
        },
        { off: 'value' },
      ),
      log_group_max_group_num: whole('groups in one report'),
      log_group_max_sub_num_per_group: whole('players of one group in one report'),
    }),
  )
  .prefault({})
  .register(keyInfo, sectionInfo('Reports in the log', LISTED));
