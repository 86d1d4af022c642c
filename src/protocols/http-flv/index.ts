/** HTTP-FLV and WebSocket-FLV players. */
import { flvFormat } from '../../containers/flv/index.ts';
import type { HttpRoute } from '../../net/index.ts';
import { type ProgressiveDeps, progressiveRoute } from '../http-progressive/index.ts';

/** The route that plays `…/APP/STREAM.flv` below `urlPattern`. */
export function httpFlvRoute(urlPattern: string, deps: ProgressiveDeps): HttpRoute {
  const kind = { protocol: 'FLV', format: flvFormat, extension: '.flv', contentType: 'video/x-flv' } as const;
  return progressiveRoute(kind, urlPattern, deps);
}
