/** Video out of RTP packets in order: access units are put together, and none with a hole is handed on. */
import { type Frame, ParameterSets, reorderDepth, type VideoCodec } from '../../media/index.ts';
import { AccessUnit } from './access-unit.ts';
import { DecodeTimes } from './decode-times.ts';
import { H264Depacketizer } from './h264-depacketizer.ts';
import { H265Depacketizer } from './h265-depacketizer.ts';
import type { RtpMedia } from './media.ts';
import type { OrderedPacket } from './reorder-buffer.ts';
import type { TimeOf, TrackSink } from './track-sink.ts';

/** Between access units that have the same timestamp. Milliseconds. */
const REPEAT_STEP_MS = 1;

/**
 * An access unit ends with the packet that has the marker, at a change of timestamp, or at a delimiter. After a loss all
 * is left out up to the next whole key frame. Senders that set the marker within access units are found out at the first
 * slice that comes after it, and only timestamps and delimiters count from there on.
 */
export class VideoReader {
  readonly #codec: VideoCodec;
  readonly #sink: TrackSink;
  readonly #timeOf: TimeOf;
  readonly #unit: AccessUnit;
  readonly #depacketizer: H264Depacketizer | H265Depacketizer;
  readonly #sets: ParameterSets;
  readonly #times = new DecodeTimes();
  /** The timestamp of the access unit that is put together; null: none is. */
  #timestamp: number | null = null;
  /** The timestamp of the last access unit that a marker ended. */
  #marked: number | null = null;
  /** The timestamp of the last frame that was handed on, and how many had the same before it. */
  #handedOn: number | null = null;
  #repeats = 0;
  /** The timestamp of the last frame that was counted as dropped. */
  #dropped: number | null = null;
  #trustsMarkers = true;
  /** Packets before the first of this access unit are missing, perhaps of its own. */
  #mayLackStart = true;
  #awaitsKey = true;
  /** Leading pictures are left out up to the next random access point, for decoding began at the last. */
  #skipsLeading = false;
  /** Whether a frame was handed on: what comes before is no loss. */
  #hasBegun = false;

  constructor(media: RtpMedia, sink: TrackSink, timeOf: TimeOf) {
    this.#codec = media.codec === 'H265' ? 'H265' : 'H264';
    this.#sink = sink;
    this.#timeOf = timeOf;
    this.#unit = new AccessUnit(this.#codec, () => this.#delimit());
    const withDon = Number(media.fmtp['sprop-max-don-diff'] ?? 0) > 0;
    this.#depacketizer = this.#codec === 'H264' ? new H264Depacketizer() : new H265Depacketizer(withDon);
    this.#sets = new ParameterSets(this.#codec);
    this.#adopt(parameterSetsOf(media));
  }

  push({ packet, lost, restarted }: OrderedPacket): void {
    if (lost > 0 || restarted) this.#break();
    if (restarted) this.#trustsMarkers = true;
    const { timestamp } = packet;
    if (this.#timestamp !== null && this.#timestamp !== timestamp) this.#finish();
    this.#timestamp = timestamp;
    const problem = this.#depacketizer.push(packet.payload, this.#unit);
    if (problem !== null) {
      if (!this.#mayLackStart) this.#sink.problem(`video: ${problem}`);
      this.#break();
      return;
    }
    if (packet.marker && this.#trustsMarkers && this.#unit.hasSlices) {
      this.#finish();
      this.#marked = timestamp;
    }
  }

  /** A delimiter: another access unit begins, perhaps with the same timestamp. */
  #delimit(): void {
    const timestamp = this.#timestamp;
    this.#finish();
    this.#timestamp = timestamp;
  }

  /** What comes before the first frame is no loss; what is left of a broken access unit does not count again. */
  #drop(timestamp: number | null): void {
    if (this.#hasBegun && timestamp !== this.#dropped) this.#sink.dropped();
    this.#dropped = timestamp;
  }

  /** Something is missing: the access unit cannot be completed, and nothing after it can be decoded. */
  #break(): void {
    if (!this.#unit.isEmpty) this.#drop(this.#timestamp);
    this.#unit.clear();
    if (this.#depacketizer instanceof H265Depacketizer) this.#depacketizer.reset();
    this.#timestamp = null;
    this.#mayLackStart = true;
    this.#awaitsKey = true;
  }

  #finish(): void {
    const unit = this.#unit;
    const timestamp = this.#timestamp;
    if (timestamp === null) return;
    if (unit.isOpen) {
      if (!this.#mayLackStart) this.#sink.problem('video: an access unit ends before the end of a fragmented NAL unit');
      this.#break();
      return;
    }
    if (unit.parameterSets.length > 0) this.#adopt(unit.parameterSets);
    if (unit.hasSlices) this.#handOn(timestamp);
    unit.clear();
    this.#timestamp = null;
    this.#mayLackStart = false;
  }

  #handOn(timestamp: number): void {
    const unit = this.#unit;
    const isRest = !unit.beginsPicture && timestamp === this.#marked;
    if (isRest) {
      this.#sink.problem(
        'video: the marker is set within access units; they are told by their timestamps from here on',
      );
      this.#trustsMarkers = false;
      this.#awaitsKey = true;
    }
    if (unit.excess !== null) {
      this.#sink.excess(`video: an access unit of more than ${unit.excess}`);
      this.#awaitsKey = true;
    }
    const isWhole = unit.excess === null && !isRest && (unit.beginsPicture || !this.#mayLackStart);
    const isWanted = !this.#awaitsKey || (unit.isKey && this.#sets.track !== null);
    if (!isWhole || !isWanted || (this.#skipsLeading && unit.isSkippedLeading)) {
      this.#drop(timestamp);
      return;
    }
    if (unit.isKey) {
      this.#skipsLeading = this.#awaitsKey && unit.mayHaveSkippedLeading;
      if (this.#awaitsKey) this.#times.restart();
      this.#awaitsKey = false;
    }
    // second fields, and senders whose timestamps are too coarse
    this.#repeats = timestamp === this.#handedOn ? this.#repeats + 1 : 0;
    this.#handedOn = timestamp;
    const pts = this.#timeOf(timestamp) + this.#repeats * REPEAT_STEP_MS;
    const dts = this.#times.next(pts, unit.isKey);
    if (dts === null) {
      this.#drop(timestamp);
      return;
    }
    this.#hasBegun = true;
    const frame: Frame = { kind: 'video', codec: this.#codec, dts, pts, key: unit.isKey, data: unit.bytes() };
    this.#sink.frame(frame);
  }

  #adopt(units: readonly Buffer[]): void {
    if (!this.#sets.adopt(units) || this.#sets.track === null) return;
    this.#times.setDepth(reorderDepth(this.#sets.track));
    this.#sink.track(this.#sets.track);
  }
}

/** Those of the session description, in base64 (RFC 6184 8.1, RFC 7798 7.1). */
function parameterSetsOf(media: RtpMedia): Buffer[] {
  const keys = media.codec === 'H265' ? ['sprop-vps', 'sprop-sps', 'sprop-pps'] : ['sprop-parameter-sets'];
  const units: Buffer[] = [];
  for (const key of keys) {
    for (const text of media.fmtp[key]?.split(',') ?? []) {
      const unit = Buffer.from(text.trim(), 'base64');
      if (unit.length > 0) units.push(unit);
    }
  }
  return units;
}
