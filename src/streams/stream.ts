/** One group: at most one publisher, any number of subscribers, and what flows from the one to the others. */
import type { Frame, OutputFormat, Tracks } from '../media/index.ts';
import { NO_TRACKS } from '../media/index.ts';
import type { Opening, Sink } from './audience.ts';
import { type ConsumerFactory, Consumers, type FrameConsumer } from './consumer.ts';
import {
  type Branch,
  type BranchOwner,
  Fanout,
  type FanoutOptions,
  type FanoutTiming,
  type FormatOptions,
} from './fanout.ts';
import { FrameRate } from './frame-rate.ts';
import { GopCache } from './gop-cache.ts';
import type { BaseType, Clock, Log, StopReason, StreamChange } from './ports.ts';
import { PublicationReport } from './publication-report.ts';
import type { Session, StreamState } from './session.ts';
import type { GroupSnapshot, HubWatch } from './snapshot.ts';
import { Subscriber } from './subscriber.ts';
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
  /** Streams at a time, and players of one; absent or 0: no bound. A change counts at once. */
  readonly maxGroups?: number;
  readonly maxSubscribers?: number;
  /** Whether a publisher that comes while there is one takes its place, or is refused. */
  readonly takeover: 'refuse' | 'replace';
  /** For so long after a publisher was lost, the next one goes on with what consumers have begun. Milliseconds. */
  readonly graceMs: number;
  /** Silence is added to a publication that shows no audio for so long; null: never. Milliseconds. */
  readonly dummyAudioMs: number | null;
}

/** A publisher that has been silent for so long does not keep the stream from one that comes. Milliseconds. */
const SILENT_MS = 3000;
/** Ends after which the publisher may come back: it was lost, rather than ended. */
const LOST: ReadonlySet<StopReason> = new Set(['peer closed', 'timed out', 'protocol error', 'replaced']);

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

/** A subscriber whose bytes are written in another thread. */
export interface Branched {
  readonly branch: Branch;
  /** What it is to be sent first. */
  readonly opening: Opening;
  /** How it stands there, told once a second: bytes that wait, and frames that were dropped since it came. */
  report(queuedBytes: number, isDropping: boolean, droppedFrames: number): void;
}

/** What a stream needs of its surroundings. */
export interface StreamDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly consumers: readonly ConsumerFactory[];
  readonly watch?: HubWatch;
  /** A session began or ended, or nobody is awaited any more. */
  readonly onChange: (change: StreamChange) => void;
}

export class Stream {
  readonly name: string;
  /** Its creator's. */
  readonly appName: string;
  readonly #options: StreamOptions;
  readonly #clock: Clock;
  readonly #deps: StreamDeps;
  readonly #timing: FanoutTiming | null;
  readonly #consumers: Consumers;
  readonly #onEmpty: (stream: Stream) => void;
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #fanouts = new Map<string, Fanout>();
  readonly #gops: GopCache;
  readonly #timeline = new Timeline();
  #fanoutList: Fanout[] = [];
  #publisher: Session | null = null;
  /** The publisher that was lost last was a pull: that comes back by itself, and only while somebody wants it. */
  #isPullLost = false;
  /** Of the subscribers those that are no pushes of our own: they alone are somebody who watches. */
  #players = 0;
  #frameRate = new FrameRate();
  #report: PublicationReport | null = null;
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
    this.#timing = deps.watch === undefined ? null : { clock: deps.clock, watch: deps.watch };
    this.#deps = deps;
    this.#consumers = new Consumers(deps.consumers, deps.log, () => {
      if (this.empty) this.#onEmpty(this);
      this.#changed();
    });
    this.#onEmpty = onEmpty;
    this.#gops = new GopCache(options.gopNum, options.singleGopMaxFrameNum);
  }

  get state(): StreamState {
    return { hasInSession: this.#publisher !== null, hasOutSession: this.#players > 0 };
  }

  /** Those that watch, pushes left out. */
  get players(): number {
    return this.#players;
  }

  /** The publisher and the players, pushes left out. */
  get sessionCount(): number {
    return this.#players + Number(this.#publisher !== null);
  }

  get empty(): boolean {
    return this.#publisher === null && this.#subscribers.size === 0 && !this.#consumers.isWaiting;
  }

  /**
   * Ends the present publisher where one that comes may have its place: always, or only where it has fallen silent. A
   * pull keeps its place, and takes it from a silent publisher alone. @returns whether there is none now
   */
  makeRoom(comer: BaseType): boolean {
    const publisher = this.#publisher;
    if (publisher === null) return true;
    if (publisher.identity.baseType !== 'PUB') return false;
    if (this.#options.takeover === 'replace' && comer !== 'PULL') this.#endPublisher(publisher, 'replaced', true);
    else if (publisher.silentMs(this.#clock.monotonicMs()) >= SILENT_MS) {
      this.#endPublisher(publisher, 'timed out', true);
    } else return false;
    return true;
  }

  /** Lets a publisher in. The caller has seen that there is none. */
  publish(session: Session): Publisher {
    this.#publisher = session;
    this.#frameRate = new FrameRate();
    this.#report = new PublicationReport(session.identity, this.#deps);
    this.#tracks = NO_TRACKS;
    this.#timeline.begin();
    session.start(this.state);
    this.#consumers.begin({ streamName: this.name, appName: this.appName, session: session.identity });
    this.#changed();
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

  /** A consumer joins the publication that runs, or may come back; null where there is none. @returns what takes it away */
  tap(consumer: FrameConsumer): (() => void) | null {
    if (this.#publisher === null && !this.#consumers.isWaiting) return null;
    this.#consumers.add(consumer, this.#tracks);
    return () => this.#consumers.remove(consumer);
  }

  /** Lets a subscriber in; it is sent nothing until `attach`. */
  subscribe(session: Session): Subscriber {
    const subscriber = new Subscriber(session, this, this.#clock.monotonicMs());
    this.#subscribers.set(subscriber.id, subscriber);
    if (subscriber.isPlayer) this.#players++;
    session.start(this.state);
    this.#changed();
    return subscriber;
  }

  /** Begins to send the stream in this format to the subscriber. */
  attach(subscriber: Subscriber, format: OutputFormat, sink: Sink): void {
    if (this.#isOpen(subscriber)) this.#fanout(format).join(subscriber, sink);
  }

  /** The same in the thread of the owner, which writes to the subscriber; null where the subscriber is to end. */
  attachBranch(subscriber: Subscriber, format: OutputFormat, owner: BranchOwner): Branched | null {
    if (!this.#isOpen(subscriber)) return null;
    const sink = { write: () => {}, writableLength: 0 };
    subscriber.sink = sink;
    return {
      ...this.#fanout(format).joinBranch(subscriber, owner),
      report: (queuedBytes, isDropping, droppedFrames) => {
        sink.writableLength = queuedBytes;
        subscriber.flow = isDropping ? 'dropping' : 'live';
        subscriber.session.droppedFrames = droppedFrames;
      },
    };
  }

  #isOpen(subscriber: Subscriber): boolean {
    return this.#subscribers.has(subscriber.id) && subscriber.session.closing === null;
  }

  #fanout(format: OutputFormat): Fanout {
    let fanout = this.#fanouts.get(format.name);
    if (fanout === undefined) {
      const formatOptions = this.#options.formats[format.name] ?? PLAIN_FORMAT;
      const { fanout: options } = this.#options;
      fanout = new Fanout(format, this.#tracks, this.#gops.gops, options, formatOptions, this.#timing);
      this.#fanouts.set(format.name, fanout);
      this.#fanoutList = [...this.#fanouts.values()];
    }
    return fanout;
  }

  /** Tells the subscriber of the stream's tracks: now, and at each change. */
  watchTracks(subscriber: Subscriber, listener: (tracks: Tracks) => void): void {
    subscriber.onTracks = listener;
    listener(this.#tracks);
  }

  /** A subscriber's peer is gone. */
  leave(subscriber: Subscriber, reason: StopReason): void {
    if (!this.#subscribers.delete(subscriber.id)) return;
    if (subscriber.isPlayer) this.#players--;
    for (const fanout of this.#fanoutList) {
      fanout.leave(subscriber);
      if (fanout.isEmpty) {
        fanout.close();
        this.#fanouts.delete(fanout.format.name);
      }
    }
    this.#fanoutList = [...this.#fanouts.values()];
    subscriber.session.stop(reason, this.state);
    if (this.empty) this.#onEmpty(this);
    this.#changed();
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
      if (isMeant(subscriber.session.remoteAddr)) subscriber.askToClose(reason);
    }
    if (this.#publisher !== null && isMeant(this.#publisher.remoteAddr)) this.#endPublisher(this.#publisher, reason);
  }

  /** Asks every session to end. */
  close(reason: StopReason): void {
    for (const subscriber of this.#subscribers.values()) subscriber.askToClose(reason);
    if (this.#publisher !== null) this.#endPublisher(this.#publisher, reason);
    else if (this.#consumers.isWaiting) {
      this.#consumers.end();
      if (this.empty) this.#onEmpty(this);
    }
  }

  /** Once a second: bit rates, bounds and time-outs. */
  tick(nowMs: number): void {
    const publisher = this.#publisher;
    if (publisher !== null) {
      publisher.tick();
      this.#report?.checkRate(this.#tracks, publisher.readKbitsPerSec);
      const idleMs = publisher.peer.idleTimeoutMs ?? this.#options.idleTimeoutMs;
      if (publisher.silentMs(nowMs) >= idleMs && idleMs > 0) this.#endPublisher(publisher, 'timed out');
      else if (nowMs >= publisher.endsAtMs) this.#endPublisher(publisher, 'expired');
    }
    for (const subscriber of this.#subscribers.values()) {
      subscriber.session.tick();
      subscriber.checkProgress(nowMs, this.#options.idleTimeoutMs, this.#options.fanout.backlogMs);
    }
    for (const fanout of this.#fanoutList) fanout.tick();
  }

  describe(): GroupSnapshot {
    const { video, audio } = this.#tracks;
    const publisher = this.#publisher?.describe() ?? null;
    const subscribers = Array.from(this.#subscribers.values(), ({ session }) => session.describe());
    return {
      streamName: this.name,
      appName: this.appName,
      audioCodec: audio?.codec ?? '',
      videoCodec: video?.codec ?? '',
      videoWidth: video?.width ?? 0,
      videoHeight: video?.height ?? 0,
      pub: publisher?.baseType === 'PUB' ? publisher : null,
      subs: subscribers.filter(({ baseType }) => baseType !== 'PUSH'),
      pull: publisher?.baseType === 'PULL' ? publisher : null,
      pushs: subscribers.filter(({ baseType }) => baseType === 'PUSH'),
      inFramePerSec: this.#frameRate.describe(this.#clock.unixMs()),
    };
  }

  #setTracks(tracks: Tracks): void {
    this.#report?.checkPicture(tracks);
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
    if (this.#timeline.jumps !== jumps) {
      this.#report?.jumped(input.dts);
      this.#consumers.discontinuity();
    }
    const frame = offset === 0 ? input : { ...input, dts: input.dts + offset, pts: input.pts + offset };
    const isVideo = frame.kind === 'video';
    if (isVideo) this.#frameRate.count(this.#clock.unixMs());
    if (this.#gops.push(frame, isVideo && frame.key, this.#tracks)) {
      for (const fanout of this.#fanoutList) fanout.dropCache();
    }
    for (const fanout of this.#fanoutList) fanout.write(frame);
    this.#consumers.write(frame);
  }

  /** Ends the publication and asks the publisher's protocol to end the connection. `givesWay`: another begins right after. */
  #endPublisher(session: Session, reason: StopReason, givesWay = false): void {
    this.#unpublish(session, reason, givesWay);
    session.peer.close(reason);
  }

  #unpublish(session: Session, reason: StopReason, givesWay = false): void {
    if (this.#publisher !== session) return;
    this.#publisher = null;
    this.#isPullLost = session.identity.baseType === 'PULL';
    this.#tracks = NO_TRACKS;
    this.#gops.clear();
    for (const fanout of this.#fanoutList) fanout.endPublication();
    const graceMs = reason === 'replaced' ? Math.max(1, this.#options.graceMs) : this.#options.graceMs;
    if (graceMs > 0 && LOST.has(reason)) this.#consumers.wait(graceMs);
    else this.#consumers.end();
    session.stop(reason, this.state);
    this.#tellTracks();
    if (this.empty) this.#onEmpty(this);
    this.#changed(givesWay);
  }

  /** The last thing that a change does: who is told may change the stream again. */
  #changed(givesWay = false): void {
    this.#deps.onChange({
      streamName: this.name,
      appName: this.appName,
      hasInSession: this.#publisher !== null,
      isAwaited: givesWay || (this.#consumers.isWaiting && !this.#isPullLost),
      players: this.#players,
    });
  }
}
