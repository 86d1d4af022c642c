/** HTTP-TS and WebSocket-TS players. */
import { tsFormat } from '../../containers/mpegts/index.ts';
import type { HttpRoute } from '../../net/index.ts';
import { type ProgressiveDeps, progressiveRoute } from '../http-progressive/index.ts';

/** The route that plays `…/APP/STREAM.ts` below `urlPattern`. */
export function httpTsRoute(urlPattern: string, deps: ProgressiveDeps): HttpRoute {
  const kind = { protocol: 'TS', format: tsFormat, extension: '.ts', contentType: 'video/mp2t' } as const;
  return progressiveRoute(kind, urlPattern, deps);
}
