/** One group: at most one publisher, any number of subscribers, and what flows from the one to the others. */
import type { Frame, OutputFormat, Tracks } from '../media/index.ts';
import { NO_TRACKS } from '../media/index.ts';
import { type ConsumerFactory, Consumers, type FrameConsumer } from './consumer.ts';
import { Fanout, type FanoutOptions, type FormatOptions } from './fanout.ts';
import { FrameRate } from './frame-rate.ts';
import { GopCache } from './gop-cache.ts';
import type { Clock, Log, StopReason } from './ports.ts';
import type { Session, StreamState } from './session.ts';
import type { GroupSnapshot } from './snapshot.ts';
import { type Sink, Subscriber } from './subscriber.ts';
import { Timeline } from './timeline.ts';

export interface StreamOptions {
  readonly fanout: FanoutOptions;
  /** Per output format by its name; a format that is not listed has no GOP cache and gathers as `fanout` says. */
  readonly formats: Readonly<Record<string, FormatOptions>>;
  /** GOPs cached as frames: the most that any format wants. */
  readonly gopNum: number;
  /** Bound on one cached GOP's frames; 0: none. */
  readonly singleGopMaxFrameNum: number;
  /** A publisher that brings no byte, or a subscriber that takes none, for this long is closed. Milliseconds. */
  readonly idleTimeoutMs: number;
}

const PLAIN_FORMAT: FormatOptions = { gopNum: 0, mergeWriteBytes: 0 };

/** The publisher's handle on its stream: what a protocol feeds. */
export interface Publisher {
  readonly id: string;
  readonly closed: boolean;
  /** The tracks, new or changed, that the frames after this belong to. */
  setTracks(tracks: Tracks): void;
  write(frame: Frame): void;
  /** The publication is over; once, more calls do nothing. */
  close(reason: StopReason): void;
}

/** What a stream needs of its surroundings. */
export interface StreamDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly consumers: readonly ConsumerFactory[];
}

export class Stream {
  readonly name: string;
  /** Its creator's. */
  readonly appName: string;
  readonly #options: StreamOptions;
  readonly #clock: Clock;
  readonly #factories: readonly ConsumerFactory[];
  readonly #consumers: Consumers;
  readonly #onEmpty: (stream: Stream) => void;
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #fanouts = new Map<string, Fanout>();
  readonly #gops: GopCache;
  readonly #timeline = new Timeline();
  #fanoutList: Fanout[] = [];
  #publisher: Session | null = null;
  #publisherReadBytes = 0;
  #publisherReadAt = 0;
  #frameRate = new FrameRate();
  #tracks: Tracks = NO_TRACKS;

  constructor(
    name: string,
    appName: string,
    options: StreamOptions,
    deps: StreamDeps,
    onEmpty: (stream: Stream) => void,
  ) {
    this.name = name;
    this.appName = appName;
    this.#options = options;
    this.#clock = deps.clock;
    this.#factories = deps.consumers;
    this.#consumers = new Consumers(deps.log);
    this.#onEmpty = onEmpty;
    this.#gops = new GopCache(options.gopNum, options.singleGopMaxFrameNum);
  }

  get state(): StreamState {
    return { hasInSession: this.#publisher !== null, hasOutSession: this.#subscribers.size > 0 };
  }

  get empty(): boolean {
    return this.#publisher === null && this.#subscribers.size === 0;
  }

  /** Lets a publisher in. The caller has seen that there is none. */
  publish(session: Session): Publisher {
    this.#publisher = session;
    this.#publisherReadBytes = session.peer.readBytes();
    this.#publisherReadAt = this.#clock.monotonicMs();
    this.#frameRate = new FrameRate();
    this.#tracks = NO_TRACKS;
    this.#timeline.begin();
    session.start(this.state);
    const publication = { streamName: this.name, appName: this.appName, session: session.identity };
    for (const factory of this.#factories) {
      const consumer = factory(publication);
      if (consumer !== null) this.#consumers.add(consumer, NO_TRACKS);
    }
    return {
      id: session.identity.sessionId,
      get closed() {
        return session.stopped;
      },
      setTracks: (tracks) => {
        if (!session.stopped) this.#setTracks(tracks);
      },
      write: (frame) => {
        if (!session.stopped) this.#write(frame);
      },
      close: (reason) => this.#unpublish(session, reason),
    };
  }

  /** A consumer joins the running publication; null where none runs. @returns what takes it away */
  tap(consumer: FrameConsumer): (() => void) | null {
    if (this.#publisher === null) return null;
    this.#consumers.add(consumer, this.#tracks);
    return () => this.#consumers.remove(consumer);
  }

  /** Lets a subscriber in; it is sent nothing until `attach`. */
  subscribe(session: Session): Subscriber {
    const subscriber = new Subscriber(session, this, this.#clock.monotonicMs());
    this.#subscribers.set(subscriber.id, subscriber);
    session.start(this.state);
    return subscriber;
  }

  /** Begins to send the stream in this format to the subscriber. */
  attach(subscriber: Subscriber, format: OutputFormat, sink: Sink): void {
    if (!this.#subscribers.has(subscriber.id) || subscriber.session.closing !== null) return;
    let fanout = this.#fanouts.get(format.name);
    if (fanout === undefined) {
      const formatOptions = this.#options.formats[format.name] ?? PLAIN_FORMAT;
      fanout = new Fanout(format, this.#tracks, this.#gops.gops, this.#options.fanout, formatOptions);
      this.#fanouts.set(format.name, fanout);
      this.#fanoutList = [...this.#fanouts.values()];
    }
    fanout.join(subscriber, sink);
  }

  /** Tells the subscriber of the stream's tracks: now, and at each change. */
  watchTracks(subscriber: Subscriber, listener: (tracks: Tracks) => void): void {
    subscriber.onTracks = listener;
    listener(this.#tracks);
  }

  /** A subscriber's peer is gone. */
  leave(subscriber: Subscriber, reason: StopReason): void {
    if (!this.#subscribers.delete(subscriber.id)) return;
    for (const fanout of this.#fanoutList) {
      fanout.leave(subscriber);
      if (fanout.subscribers.size === 0) {
        fanout.close();
        this.#fanouts.delete(fanout.format.name);
      }
    }
    this.#fanoutList = [...this.#fanouts.values()];
    subscriber.session.stop(reason, this.state);
    if (this.empty) this.#onEmpty(this);
  }

  /** @returns whether there was such a session */
  kick(sessionId: string, reason: StopReason): boolean {
    if (this.#publisher?.identity.sessionId === sessionId) {
      this.#endPublisher(this.#publisher, reason);
      return true;
    }
    const subscriber = this.#subscribers.get(sessionId);
    subscriber?.askToClose(reason);
    return subscriber !== undefined;
  }

  /** Ends the sessions whose `ADDRESS:PORT` this holds for. */
  kickWhere(isMeant: (remoteAddr: string) => boolean, reason: StopReason): void {
    for (const subscriber of this.#subscribers.values()) {
      if (isMeant(subscriber.session.identity.remoteAddr)) subscriber.askToClose(reason);
    }
    if (this.#publisher !== null && isMeant(this.#publisher.identity.remoteAddr)) {
      this.#endPublisher(this.#publisher, reason);
    }
  }

  /** Asks every session to end. */
  close(reason: StopReason): void {
    for (const subscriber of this.#subscribers.values()) subscriber.askToClose(reason);
    if (this.#publisher !== null) this.#endPublisher(this.#publisher, reason);
  }

  /** Once a second: bit rates, bounds and time-outs. */
  tick(nowMs: number): void {
    const publisher = this.#publisher;
    if (publisher !== null) {
      publisher.tick();
      const read = publisher.peer.readBytes();
      if (read !== this.#publisherReadBytes) {
        this.#publisherReadBytes = read;
        this.#publisherReadAt = nowMs;
      } else {
        const idleMs = publisher.peer.idleTimeoutMs ?? this.#options.idleTimeoutMs;
        if (idleMs > 0 && nowMs - this.#publisherReadAt >= idleMs) this.#endPublisher(publisher, 'timed out');
      }
      if (nowMs >= publisher.endsAtMs) this.#endPublisher(publisher, 'expired');
    }
    for (const subscriber of this.#subscribers.values()) {
      subscriber.session.tick();
      subscriber.checkProgress(nowMs, this.#options.idleTimeoutMs);
    }
    for (const fanout of this.#fanoutList) fanout.tick();
  }

  describe(): GroupSnapshot {
    const { video, audio } = this.#tracks;
    const publisher = this.#publisher?.describe() ?? null;
    return {
      streamName: this.name,
      appName: this.appName,
      audioCodec: audio?.codec ?? '',
      videoCodec: video?.codec ?? '',
      videoWidth: video?.width ?? 0,
      videoHeight: video?.height ?? 0,
      pub: publisher?.baseType === 'PUB' ? publisher : null,
      subs: Array.from(this.#subscribers.values(), (subscriber) => subscriber.session.describe()),
      pull: publisher?.baseType === 'PULL' ? publisher : null,
      pushs: [],
      inFramePerSec: this.#frameRate.describe(this.#clock.unixMs()),
    };
  }

  #setTracks(tracks: Tracks): void {
    this.#tracks = tracks;
    this.#gops.setTracks(tracks);
    for (const fanout of this.#fanoutList) fanout.setTracks(tracks);
    this.#consumers.setTracks(tracks);
    this.#tellTracks();
  }

  #tellTracks(): void {
    for (const { onTracks, session } of this.#subscribers.values()) {
      if (onTracks !== null && session.closing === null) onTracks(this.#tracks);
    }
  }

  #write(input: Frame): void {
    const { jumps } = this.#timeline;
    const offset = this.#timeline.offset(input.kind, input.dts, this.#clock.monotonicMs());
    if (this.#timeline.jumps !== jumps) this.#consumers.discontinuity();
    const frame = offset === 0 ? input : { ...input, dts: input.dts + offset, pts: input.pts + offset };
    const isVideo = frame.kind === 'video';
    if (isVideo) this.#frameRate.count(this.#clock.unixMs());
    if (this.#gops.push(frame, isVideo && frame.key, this.#tracks)) {
      for (const fanout of this.#fanoutList) fanout.dropCache();
    }
    for (const fanout of this.#fanoutList) fanout.write(frame);
    this.#consumers.write(frame);
  }

  /** Ends the publication and asks the publisher's protocol to end the connection. */
  #endPublisher(session: Session, reason: StopReason): void {
    this.#unpublish(session, reason);
    session.peer.close(reason);
  }

  #unpublish(session: Session, reason: StopReason): void {
    if (this.#publisher !== session) return;
    this.#publisher = null;
    this.#tracks = NO_TRACKS;
    this.#gops.clear();
    for (const fanout of this.#fanoutList) fanout.endPublication();
    this.#consumers.end();
    session.stop(reason, this.state);
    this.#tellTracks();
    if (this.empty) this.#onEmpty(this);
  }
}
