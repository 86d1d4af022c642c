/** Test helper: a hub with a clock that stands still until told, a ledger that remembers, and a format one can read. */
import { type Frame, type Muxer, NO_BYTES, type OutputFormat, type Tracks } from '../media/index.ts';
import type { Sink } from './audience.ts';
import type { ConsumerFactory } from './consumer.ts';
import type { BaseType, Clock, Decision, Fact, SessionIdentity, StopReason } from './ports.ts';
import { Registry } from './registry.ts';
import type { Peer } from './session.ts';
import type { HubWatch } from './snapshot.ts';
import type { StreamOptions } from './stream.ts';

export class FakeClock implements Clock {
  now = 1_000_000;
  monotonicMs(): number {
    return this.now;
  }
  unixMs(): number {
    return this.now;
  }
}

/** `V<dts>` key frame, `v<dts>` other video, `a<dts>` audio, `H` header, `T` tracks; each in brackets by its own write. */
export const textFormat: OutputFormat = {
  name: 'text',
  preamble: () => Buffer.from('P'),
  carries: () => true,
  createMuxer: (): Muxer => ({
    header: () => Buffer.from('H'),
    setTracks: (tracks: Tracks) => (tracks.video === null ? NO_BYTES : Buffer.from('T')),
    write: (frame: Frame) =>
      Buffer.from(frame.kind === 'video' ? `${frame.key ? 'V' : 'v'}${frame.dts}` : `a${frame.dts}`),
  }),
};

export const video = (dts: number, key = false): Frame => ({
  kind: 'video',
  codec: 'H264',
  dts,
  pts: dts,
  key,
  data: Buffer.from([0, 0, 0, 1, 5]),
});
export const audio = (dts: number): Frame => ({ kind: 'audio', codec: 'AAC', dts, pts: dts, data: Buffer.from([1]) });
export const videoTracks: Tracks = {
  video: { kind: 'video', codec: 'H264', sps: [], pps: [], width: 1280, height: 720 },
  audio: null,
  metadata: null,
};

export class FakePeer implements Peer, Sink {
  writes: string[] = [];
  writableLength = 0;
  bytesRead = 10;
  closed: StopReason | null = null;
  readBytes(): number {
    return this.bytesRead;
  }
  wroteBytes(): number {
    return this.writes.join('').length;
  }
  close(reason: StopReason): void {
    this.closed = reason;
  }
  write(bytes: Buffer): boolean {
    this.writes.push(bytes.toString());
    return true;
  }
}

/** Counts nothing, but what is given. */
export const watching = (watch: Partial<HubWatch>): HubWatch => ({
  sessionEnded() {},
  batchWritten() {},
  timeJumped() {},
  pictureUnreadable() {},
  rateExceeded() {},
  ...watch,
});

export const identity = (sessionId: string, streamName = 's', baseType: BaseType = 'SUB'): SessionIdentity => ({
  sessionId,
  protocol: 'RTMP',
  baseType,
  remoteAddr: '127.0.0.1:1',
  url: `rtmp://h/live/${streamName}`,
  appName: 'live',
  streamName,
  urlParam: '',
});

const silent = (): void => {};

/** A hub with the given options over defaults that gather nothing and cache nothing. */
export function fakeHub(
  options: Partial<StreamOptions> = {},
  decision: Decision = { ok: true },
  consumers: readonly ConsumerFactory[] = [],
  watch?: HubWatch,
) {
  const clock = new FakeClock();
  const facts: Fact[] = [];
  const errors: string[] = [];
  const warnings: string[] = [];
  const records: string[] = [];
  const changes: string[] = [];
  const all: StreamOptions = {
    fanout: { gatherMs: 0, backlogBytes: 1000, backlogMs: 10_000 },
    formats: {},
    gopNum: 0,
    singleGopMaxFrameNum: 0,
    idleTimeoutMs: 10_000,
    ...{ maxGroups: 0, maxSubscribers: 0 },
    takeover: 'refuse',
    graceMs: 0,
    dummyAudioMs: null,
    ...options,
  };
  const registry = new Registry(all, {
    ledger: { record: (fact) => facts.push(fact) },
    log: {
      debug: silent,
      info: silent,
      warn: (_: object, message: string) => void warnings.push(message),
      error: (_: object, message: string) => void errors.push(message),
    },
    clock,
    consumers,
    ...(watch && { watch }),
    onChange: ({ hasInSession, isAwaited, players }) =>
      void changes.push(`in=${hasInSession}${isAwaited ? ' awaited' : ''} players=${players}`),
    admission: { decide: () => Promise.resolve(decision) },
    onRecordWanted: (streamName, format) => void records.push(`${streamName} ${format}`),
  });
  /** `start PUB1 in=true out=false`, one line a fact. */
  const story = (): string[] =>
    facts.map((fact) =>
      fact.kind === 'session_start' || fact.kind === 'session_stop'
        ? `${fact.kind.slice(8)} ${fact.session.sessionId} in=${fact.session.hasInSession} out=${fact.session.hasOutSession}${fact.kind === 'session_stop' ? ` ${fact.reason}` : ''}`
        : fact.kind,
    );
  const update = (changed: Partial<StreamOptions>): void => registry.update({ ...all, ...changed });
  return { registry, clock, facts, errors, warnings, records, changes, story, update };
}

/** Publishes `streamName`; throws where it is refused. */
export async function publishTo(registry: Registry, sessionId: string, peer = new FakePeer(), streamName = 's') {
  const result = await registry.publish(identity(sessionId, streamName, 'PUB'), peer);
  if (!result.ok) throw new Error(result.reason);
  return result.publisher;
}

/** Plays `streamName` in the text format. */
export async function playFrom(registry: Registry, sessionId: string, streamName = 's') {
  const peer = new FakePeer();
  const result = await registry.subscribe(identity(sessionId, streamName), peer);
  if (!result.ok) throw new Error(result.reason);
  result.subscription.attach(textFormat, peer);
  return { peer, subscription: result.subscription };
}
