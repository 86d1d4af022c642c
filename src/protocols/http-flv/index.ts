/** HTTP-FLV and WebSocket-FLV players. */
import { flvFormats, type HevcTagging } from '../../containers/flv/index.ts';
import type { HttpRoute } from '../../net/index.ts';
import { type ProgressiveDeps, progressiveRoute } from '../http-progressive/index.ts';

/** The route that plays `…/APP/STREAM.flv` below `urlPattern`, with H265 tagged in this way. */
export function httpFlvRoute(urlPattern: string, hevc: HevcTagging, deps: ProgressiveDeps): HttpRoute {
  const kind = { protocol: 'FLV', format: flvFormats[hevc], extension: '.flv', contentType: 'video/x-flv' } as const;
  return progressiveRoute(kind, urlPattern, deps);
}
