/** Output formats by name: between threads a format is only named. */
import { flvFormats } from '../containers/flv/index.ts';
import { tsFormat } from '../containers/mpegts/index.ts';
import type { OutputFormat } from '../media/index.ts';
import { overWebSocket } from '../net/index.ts';
import { rtmpFormats } from '../wire/rtmp/index.ts';
import { rtpFormat } from '../wire/rtp/index.ts';

const overHttp = [...Object.values(flvFormats), tsFormat];
const FORMATS: ReadonlyMap<string, OutputFormat> = new Map(
  [...Object.values(rtmpFormats), ...overHttp, ...overHttp.map(overWebSocket)].map((format) => [format.name, format]),
);
const clock = { unixMs: () => Date.now(), monotonicMs: () => performance.now() };

/** Null where there is no such format. */
export function formatByName(name: string): OutputFormat | null {
  return FORMATS.get(name) ?? rtpFormatByName(name);
}

/** RTP's names carry its channels: `rtp-VIDEO-AUDIO`, `none` for a track that is not wanted. */
function rtpFormatByName(name: string): OutputFormat | null {
  const [, video, audio] = /^rtp-(\d{1,3}|none)-(\d{1,3}|none)$/.exec(name) ?? [];
  if (video === undefined || audio === undefined) return null;
  return rtpFormat({ video: channel(video), audio: channel(audio) }, clock);
}

function channel(text: string): number | null {
  return text === 'none' ? null : Number(text);
}
