/** Opens a port for each publication that is asked for, and gives it a session. */
import { parseStreamPath, UNCOUNTED } from '../../net/index.ts';
import type { Gb28181Deps, RtpPubRequest, RtpPubResult } from './options.ts';
import { type OpenPort, openTcp, openUdp } from './port.ts';
import { RtpPubSession } from './session.ts';

/** Ports that are given where the request names none: the even ones, as RTP has them (RFC 3550 11). */
const FIRST_PORT = 30_000;
const LAST_PORT = 60_000;
const PORT_STEP = 2;

export class Gb28181Server {
  readonly #deps: Gb28181Deps;
  /** Where the search for a free port goes on. */
  #nextPort = FIRST_PORT;

  constructor(deps: Gb28181Deps) {
    this.#deps = deps;
  }

  /** The stream is taken and the port open when it resolves; the session ends by a kick, its time-out, or the server's end. */
  async startRtpPub(request: RtpPubRequest): Promise<RtpPubResult> {
    const path = parseStreamPath(request.streamName);
    if ('problem' in path) return { ok: false, reason: path.problem };
    if (path.streamName !== request.streamName) return { ok: false, reason: 'a stream name may not contain a slash' };
    const taken = this.#deps.limits?.gb28181Ports.take('') ?? UNCOUNTED;
    if (!taken.ok) return { ok: false, reason: taken.reason };
    const session = new RtpPubSession(request, this.#deps);
    const port = await this.#open(request, session);
    if (typeof port === 'string') {
      taken.release();
      return { ok: false, reason: port };
    }
    const close = (): void => {
      port.close();
      taken.release();
    };
    return session.start({ ...port, close });
  }

  /** The open port, or why there is none. */
  async #open({ port, isTcp }: RtpPubRequest, session: RtpPubSession): Promise<OpenPort | string> {
    const open = (at: number): Promise<OpenPort> =>
      isTcp ? openTcp(at, session) : openUdp(at, session, (error) => session.fail(error));
    if (port !== 0) {
      try {
        return await open(port);
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    }
    for (let tries = FIRST_PORT; tries <= LAST_PORT; tries += PORT_STEP) {
      const at = this.#nextPort;
      this.#nextPort = at + PORT_STEP > LAST_PORT ? FIRST_PORT : at + PORT_STEP;
      try {
        return await open(at);
      } catch {
        // taken by another: the next one
      }
    }
    return `no ${isTcp ? 'TCP' : 'UDP'} port from ${FIRST_PORT} to ${LAST_PORT} is free`;
  }
}
