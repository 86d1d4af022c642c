/** GB28181 publishers: program streams over RTP that the business side asks for, by UDP or TCP. */
export type { Gb28181Deps, RtpPubRequest, RtpPubResult } from './options.ts';
export { Gb28181Server } from './server.ts';
