/** Audio out of RTP packets in order. What is lost is lost; the next frame goes on at its own time. */
import {
  type AacTrack,
  type AudioTrack,
  aacTrack,
  CodecError,
  opusTrack,
  parseAudioSpecificConfig,
  serializeAudioSpecificConfig,
} from '../../media/index.ts';
import { AacDepacketizer } from './aac-depacketizer.ts';
import { LatmDepacketizer } from './latm-depacketizer.ts';
import type { RtpMedia } from './media.ts';
import type { OrderedPacket } from './reorder-buffer.ts';
import type { TimeOf, TrackSink } from './track-sink.ts';

const AAC_LC = 2;
/** The most channels that an AudioSpecificConfig's channel configuration stands for by their number. */
const MAX_NUMBERED_CHANNELS = 6;

export class AudioReader {
  readonly #track: AudioTrack;
  /** Null: one packet, one frame (G711, RFC 3551 4.5.14; Opus, RFC 7587 4.2). */
  readonly #depacketizer: AacDepacketizer | LatmDepacketizer | null;
  /** Between the frames of one packet. Milliseconds. */
  readonly #frameMs: number;
  readonly #sink: TrackSink;
  readonly #timeOf: TimeOf;

  private constructor(
    track: AudioTrack,
    depacketizer: AacDepacketizer | LatmDepacketizer | null,
    sink: TrackSink,
    timeOf: TimeOf,
  ) {
    this.#track = track;
    this.#depacketizer = depacketizer;
    this.#frameMs = track.codec === 'AAC' ? frameMs(track) : 0;
    this.#sink = sink;
    this.#timeOf = timeOf;
    sink.track(track);
  }

  /** Tells the track at once; the reason where the session description asks for what is not read. */
  static create(media: RtpMedia, sink: TrackSink, timeOf: TimeOf): AudioReader | string {
    const { codec, encoding, clockRate, channels, fmtp } = media;
    if (encoding === 'MP4A-LATM') {
      const depacketizer = LatmDepacketizer.create(fmtp);
      if (typeof depacketizer === 'string') return depacketizer;
      return new AudioReader(depacketizer.track, depacketizer, sink, timeOf);
    }
    if (codec === 'AAC') {
      const depacketizer = AacDepacketizer.create(fmtp);
      if (typeof depacketizer === 'string') return depacketizer;
      const track = describedAac(media);
      return typeof track === 'string' ? track : new AudioReader(track, depacketizer, sink, timeOf);
    }
    // the rtpmap always says 2 (RFC 7587 7), which a decoder of two channels plays from both
    if (codec === 'OPUS') return new AudioReader(opusTrack(fmtp['sprop-stereo'] === '0' ? 1 : 2), null, sink, timeOf);
    if (codec === 'PCMA' || codec === 'PCMU') {
      return new AudioReader({ kind: 'audio', codec, sampleRate: clockRate, channels }, null, sink, timeOf);
    }
    return `${encoding} is not read`;
  }

  push({ packet, lost, restarted }: OrderedPacket): void {
    if ((lost > 0 || restarted) && this.#depacketizer?.reset() === true) this.#sink.dropped();
    const { payload, timestamp, marker } = packet;
    if (payload.length === 0) return;
    const frames = this.#depacketizer?.push(payload, timestamp, marker) ?? [payload];
    if (typeof frames === 'string') {
      this.#sink.problem(`audio: ${frames}`);
      this.#sink.dropped();
      return;
    }
    const { codec } = this.#track;
    let time = this.#timeOf(timestamp);
    for (const data of frames) {
      // a copy, so that a frame that is kept does not keep what else came in the same read
      this.#sink.frame({ kind: 'audio', codec, dts: time, pts: time, data: Buffer.from(data) });
      time += this.#frameMs;
    }
  }
}

function frameMs(track: AacTrack): number {
  const { samplesPerFrame, sampleRate } = parseAudioSpecificConfig(track.config);
  return (samplesPerFrame * 1000) / sampleRate;
}

/** The AudioSpecificConfig is in the parameter `config`; senders that forget it are taken to send AAC LC. */
function describedAac({ clockRate, channels, fmtp }: RtpMedia): AacTrack | string {
  const text = fmtp['config'];
  try {
    if (text !== undefined && text !== '') return aacTrack(Buffer.from(text, 'hex'));
    if (channels > MAX_NUMBERED_CHANNELS) return `AAC of ${channels} channels without config`;
    const config = serializeAudioSpecificConfig({
      objectType: AAC_LC,
      sampleRate: clockRate,
      channelConfiguration: channels,
      channels,
      samplesPerFrame: 1024,
      extension: null,
    });
    return aacTrack(config);
  } catch (error) {
    if (error instanceof CodecError) return `an AudioSpecificConfig that cannot be read: ${error.message}`;
    throw error;
  }
}
