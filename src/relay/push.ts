/** Pushes each publication of this server to other servers, as one more subscriber of its stream. */
import type { HevcTagging } from '../containers/flv/index.ts';
import { type Outbound, parseMediaUrl } from '../net/index.ts';
import { RtmpClient } from '../protocols/rtmp/index.ts';
import type {
  ConsumerFactory,
  FrameConsumer,
  Hub,
  Log,
  Publication,
  SessionCounter,
  StopReason,
  Subscription,
} from '../streams/index.ts';
import { rtmpPublishFormat } from '../wire/rtmp/index.ts';
import { backOffMs } from './back-off.ts';

export interface PushOptions {
  /** `HOST[:PORT]` of each server that gets every stream. */
  readonly addrs: readonly string[];
  /** Until the other server takes the stream. Milliseconds. */
  readonly timeoutMs: number;
  readonly maxMessageBytes: number;
  /** How H265 is tagged. */
  readonly hevc: HevcTagging;
}

export interface PushDeps {
  readonly hub: Hub;
  readonly counter: SessionCounter;
  readonly log: Log;
  readonly outbound: Outbound;
}

/** Reasons for which the hub ends the session that mean: not again, as long as this publication lasts. */
const FINAL: ReadonlySet<StopReason> = new Set(['kicked', 'server stopped']);

/** A factory that pushes what is published here (what is pulled is not) to `rtmp://ADDR/APP/STREAM?QUERY` of each address. */
export function relayPush(options: PushOptions, deps: PushDeps): ConsumerFactory {
  return (publication) => {
    if (publication.session.baseType !== 'PUB' || options.addrs.length === 0) return null;
    const pushes = options.addrs.map((addr) => new Push(addr, publication, options, deps));
    return {
      // frames reach the other server by its subscription
      setTracks: () => {},
      write: () => {},
      discontinuity: () => {},
      end: () => {
        for (const push of pushes) push.stop();
      },
    } satisfies FrameConsumer;
  };
}

/** One publication to one server: connected again, with back-off, for as long as the publication lasts. */
class Push {
  readonly #url: string;
  readonly #publication: Publication;
  readonly #options: PushOptions;
  readonly #deps: PushDeps;
  #client: RtmpClient | null = null;
  #subscription: Subscription | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #failures = 0;
  #isOver = false;

  constructor(addr: string, publication: Publication, options: PushOptions, deps: PushDeps) {
    const { appName, streamName, urlParam } = publication.session;
    const query = urlParam === '' ? '' : `?${urlParam}`;
    this.#url = `rtmp://${addr}/${appName}/${streamName}${query}`;
    this.#publication = publication;
    this.#options = options;
    this.#deps = deps;
    this.#connect();
  }

  /** The publication has ended, or the push was kicked. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#client?.close('the publication has ended');
  }

  #connect(): void {
    const target = parseMediaUrl(this.#url);
    if ('problem' in target) {
      this.#deps.log.error({ url: this.#url, why: target.problem }, 'a relay push cannot be made');
      return;
    }
    const { timeoutMs, maxMessageBytes } = this.#options;
    this.#client = new RtmpClient(
      { target, direction: 'publish', timeoutMs, maxMessageBytes, verifyTls: true, outbound: this.#deps.outbound },
      {
        onReady: (client, streamId) => {
          this.#begin(client, streamId).catch((error: unknown) => {
            this.#deps.log.error({ error, url: this.#url }, 'a fault of the server ended a relay push');
            this.stop();
          });
        },
        onMedia: () => {},
        onClosed: (why) => this.#onClosed(why),
      },
    );
  }

  async #begin(client: RtmpClient, streamId: number): Promise<void> {
    const { session, streamName } = this.#publication;
    const identity = {
      sessionId: `RTMPPUSH${this.#deps.counter.next('RTMPPUSH')}`,
      protocol: 'RTMP',
      baseType: 'PUSH',
      remoteAddr: client.remoteAddr,
      url: this.#url,
      appName: session.appName,
      streamName,
      urlParam: session.urlParam,
    } as const;
    const peer = {
      readBytes: client.bytes.read,
      wroteBytes: client.bytes.wrote,
      close: (reason: StopReason) => {
        if (FINAL.has(reason)) this.stop();
        else client.close(reason);
      },
    };
    const result = await this.#deps.hub.subscribe(identity, peer);
    if (!result.ok) {
      client.close(result.reason);
      return;
    }
    if (client.isClosed) {
      result.subscription.close('peer closed');
      return;
    }
    this.#failures = 0;
    this.#subscription = result.subscription;
    this.#subscription.attach(rtmpPublishFormat(streamId, this.#options.hevc), client.socket);
  }

  #onClosed(why: string): void {
    this.#subscription?.close('peer closed');
    this.#subscription = null;
    if (this.#isOver) return;
    this.#failures++;
    const waitMs = backOffMs(this.#failures);
    this.#deps.log.warn({ url: this.#url, why, waitMs }, 'a relay push failed and is tried again');
    this.#retryTimer = setTimeout(() => this.#connect(), waitMs);
  }
}
