/** What a configuration may ask for and this version does not serve yet. */
import type { Config } from './schema.ts';

interface NotBuilt {
  readonly name: string;
  readonly isAskedFor: (config: Config) => boolean;
}

/** A row goes when its part is built. */
const NOT_BUILT: readonly NotBuilt[] = [
  { name: 'hls', isAskedFor: ({ hls }) => hls.enable || hls.enable_https },
  { name: 'rtsp', isAskedFor: ({ rtsp }) => rtsp.enable || rtsp.rtsps_enable || rtsp.ws_rtsp_enable },
  { name: 'record', isAskedFor: ({ record }) => record.enable_flv || record.enable_mpegts },
  { name: 'relay_push', isAskedFor: ({ relay_push }) => relay_push.enable },
  { name: 'static_relay_pull', isAskedFor: ({ static_relay_pull }) => static_relay_pull.enable },
  { name: 'pprof', isAskedFor: ({ pprof }) => pprof.enable },
  { name: 'in_session.add_dummy_audio_enable', isAskedFor: ({ in_session }) => in_session.add_dummy_audio_enable },
  { name: 'debug.log_group_interval_sec', isAskedFor: ({ debug }) => debug.log_group_interval_sec > 0 },
  { name: 'millrace.threads', isAskedFor: ({ millrace }) => millrace.threads > 1 },
];

/** The names of what this configuration asks for and this version does not serve yet. */
export function notBuilt(config: Config): string[] {
  return NOT_BUILT.filter(({ isAskedFor }) => isAskedFor(config)).map(({ name }) => name);
}
