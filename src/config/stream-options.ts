/** Maps the keys about streams and their players onto the options of the hub. */
import type { StreamOptions } from '../streams/index.ts';
import { fanoutOptions, httpFlvOptions, httpTsOptions, limits, rtmpOptions } from './options.ts';
import type { Config } from './schema.ts';

/** How streams are kept and written to players. */
export function streamOptions(config: Config): StreamOptions {
  const rtmp = rtmpOptions(config);
  const flv = httpFlvOptions(config);
  const ts = httpTsOptions(config);
  const plain = (options: { gopNum: number }): StreamOptions['formats'][string] => ({
    gopNum: options.gopNum,
    mergeWriteBytes: rtmp.mergeWriteSize,
  });
  // what is cached serves all formats: the widest bounds hold, and no bound at all is the widest
  const cached = [rtmp, flv, ts].filter(({ enabled, gopNum }) => enabled && gopNum > 0);
  const frameBounds = cached.map(({ singleGopMaxFrameNum }) => singleGopMaxFrameNum);
  return {
    fanout: fanoutOptions(config),
    formats: {
      ...{ rtmp: plain(rtmp), 'rtmp-enhanced': plain(rtmp) },
      ...{ flv: plain(flv), 'ws-flv': plain(flv), 'flv-enhanced': plain(flv), 'ws-flv-enhanced': plain(flv) },
      ...{ ts: plain(ts), 'ws-ts': plain(ts) },
    },
    gopNum: Math.max(0, ...cached.map(({ gopNum }) => gopNum)),
    singleGopMaxFrameNum: frameBounds.includes(0) ? 0 : Math.max(0, ...frameBounds),
    idleTimeoutMs: limits(config).idleTimeoutMs,
    maxGroups: config.millrace.limits.max_groups,
    maxSubscribers: config.millrace.limits.max_subscribers_per_group,
    takeover: config.millrace.publish.takeover,
    graceMs: config.millrace.publish.grace_ms,
    dummyAudioMs: config.in_session.add_dummy_audio_enable ? config.in_session.add_dummy_audio_wait_audio_ms : null,
  };
}
