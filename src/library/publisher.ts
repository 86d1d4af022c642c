/** A publisher inside the program: a session of the hub like any other, fed with tracks and frames. */
import {
  CodecError,
  checkNalUnits,
  type Frame,
  NO_TRACKS,
  parseAudioSpecificConfig,
  serializeAvcConfig,
  serializeHevcConfig,
  type Tracks,
} from '../media/index.ts';
import type { Publisher, StopReason } from '../streams/index.ts';
import { type InsideDeps, insideIdentity, type Refused } from './inside.ts';

export interface PublisherOptions {
  readonly streamName: string;
  /** Absent: `live`. */
  readonly appName?: string;
  /** The session has ended, by `close` or otherwise; once. */
  onClosed?(reason: StopReason): void;
}

/** What a program feeds its stream by. Once it is closed its calls do nothing. */
export interface CustomizePublisher {
  /** `CUSTOMIZEPUB1`, … */
  readonly id: string;
  readonly streamName: string;
  readonly closed: boolean;
  /**
   * The tracks, new or changed, that the frames after this belong to; what is left out is not there.
   * @throws TypeError where a track's parameter sets or configuration cannot be used
   */
  setTracks(tracks: Partial<Tracks>): void;
  /**
   * One access unit or audio frame. Its times need not begin at 0 but go on by the same clock; its data must not be changed
   * afterwards, and are not copied. Frames are sent as they come: whoever reads a file waits until their time.
   * @throws TypeError where it is no frame
   */
  write(frame: Frame): void;
  /** The publication is over. */
  close(): void;
}

export type PublisherResult = { readonly ok: true; readonly publisher: CustomizePublisher } | Refused;

const KINDS: ReadonlySet<Frame['kind']> = new Set(['video', 'audio', 'data']);

/** Publishes as the program; nobody is asked for admission. Refused where the stream has an in-session, for example. */
export async function addPublisher(
  options: PublisherOptions,
  { hub, counter, log }: InsideDeps,
): Promise<PublisherResult> {
  const identity = insideIdentity('PUB', options.streamName, options.appName ?? 'live', counter);
  if ('reason' in identity) return identity;
  let readBytes = 0;
  let isClosed = false;
  const closed = (reason: StopReason): void => {
    if (isClosed) return;
    isClosed = true;
    try {
      options.onClosed?.(reason);
    } catch (error) {
      log.error({ session: identity.sessionId, error }, 'what a publisher is to do at its end failed');
    }
  };
  const result = await hub.publish(identity, {
    readBytes: () => readBytes,
    wroteBytes: () => 0,
    close: closed,
    // the program knows best when it is at its end
    idleTimeoutMs: 0,
  });
  if (!result.ok) return { ok: false, reason: result.reason };
  const inner: Publisher = result.publisher;
  const publisher: CustomizePublisher = {
    id: identity.sessionId,
    streamName: identity.streamName,
    get closed() {
      return inner.closed;
    },
    setTracks: (tracks) => {
      const whole = { ...NO_TRACKS, ...tracks };
      const problem = tracksProblem(whole);
      if (problem !== null) throw new TypeError(problem);
      inner.setTracks(whole);
    },
    write: (frame) => {
      const problem = frameProblem(frame);
      if (problem !== null) throw new TypeError(problem);
      if (inner.closed) return;
      readBytes += frame.data.length;
      inner.write(frame);
    },
    close: () => {
      inner.close('peer closed');
      closed('peer closed');
    },
  };
  return { ok: true, publisher };
}

/** What output formats could not be made of; null where there is nothing. */
function tracksProblem({ video, audio }: Tracks): string | null {
  try {
    if (video?.codec === 'H264') serializeAvcConfig(video);
    if (video?.codec === 'H265') serializeHevcConfig(video);
    if (audio?.codec === 'AAC') parseAudioSpecificConfig(audio.config);
    return null;
  } catch (error) {
    if (error instanceof CodecError) return error.message;
    throw error;
  }
}

/** Why it is no frame; null where it is one. */
function frameProblem(frame: Frame): string | null {
  if (!KINDS.has(frame.kind)) return `frame: found the kind ${frame.kind}, allowed: ${[...KINDS].join(', ')}`;
  if (!Number.isFinite(frame.dts) || !Number.isFinite(frame.pts)) {
    return `frame: found dts ${frame.dts} and pts ${frame.pts}, allowed: milliseconds`;
  }
  if (!Buffer.isBuffer(frame.data)) return 'frame: found data of another type, allowed: a Buffer';
  if (frame.kind !== 'video') return null;
  const problem = checkNalUnits(frame.data);
  return problem === null ? null : `frame: ${problem.message}; allowed: NAL units, each behind its length in 4 bytes`;
}
