/** Video of program streams, cut into access units where they begin: a PES packet may hold a part of one, or several. */
import {
  H264_NAL,
  H265_NAL,
  h264NalType,
  h265NalType,
  isH264Idr,
  isH265Irap,
  MAX_NAL_UNITS,
  NO_BYTES,
} from '../../media/index.ts';
import { type EventList, MAX_VIDEO_PES_BYTES, VideoReader } from '../mpegts/index.ts';
import { codecOfNalUnit, type VideoCodec } from './content.ts';

/** The largest access unit: several times what a key frame of 4K video takes. */
export const MAX_ACCESS_UNIT_BYTES: number = MAX_VIDEO_PES_BYTES;
const START_CODE = Buffer.from([0, 0, 1]);
/** Bytes of a NAL unit that tell its type, and whether a picture begins with it. */
const NAL_START_BYTES = 3;
const FIRST_CAPACITY = 64 * 1024;
/** Between two access units without times, as long as nothing is known. Milliseconds. */
const ASSUMED_STEP_MS = 40;
/** A longer time between two access units is a pause, which tells nothing of their rate. Milliseconds. */
const MAX_STEP_MS = 1000;

/** The times of a PES packet, in milliseconds, and where its payload begins in the buffer. */
interface Stamp {
  at: number;
  /** Null: the packet has none, or its access unit has taken it. */
  time: Time | null;
}

interface Time {
  readonly pts: number;
  readonly dts: number;
}

/**
 * Gathers the payloads of one stream's PES packets; an access unit is handed on when the next one begins. A time belongs
 * to the first access unit that begins in its PES packet (ISO 13818-1 2.4.3.7); those without follow at the pace seen.
 */
export class AccessUnits {
  /** Frames that were dropped since bytes were lost. */
  droppedFrames = 0;
  #codec: VideoCodec | null;
  readonly #id: number;
  readonly #events: EventList;
  /** Null: no parameter set has told the codec yet. */
  #reader: VideoReader | null;
  /** What has come since the access unit began, from `#from` on. Made with the first bytes: not every stream has any. */
  #buffer: Buffer = NO_BYTES;
  #length = 0;
  /** Above 0 only while what came is looked through. */
  #from = 0;
  /** No start code begins before this. */
  #scanned = 0;
  #stamps: Stamp[] = [];
  /** Whether there is a NAL unit at `#from`. */
  #begun = false;
  #hasPicture = false;
  #isKey = false;
  /** NAL units since `#from`. */
  #units = 0;
  #time: Time | null = null;
  #awaitsKey = false;
  /** Of the last access unit that had a time, and how many had none since. */
  #lastTime: Time | null = null;
  #untimed = 0;
  #stepMs = ASSUMED_STEP_MS;
  /** Whether the rest of the PES packet is left out: an access unit in it was too large. */
  #isLeftOut = false;

  /** @param codec null: the first parameter set tells it */
  constructor(codec: VideoCodec | null, id: number, events: EventList) {
    this.#codec = codec;
    this.#id = id;
    this.#events = events;
    this.#reader = codec === null ? null : new VideoReader(codec, id, events);
  }

  get codec(): VideoCodec | null {
    return this.#codec;
  }

  /** The payload of a PES packet, or the first part of it; times in milliseconds. */
  push(payload: Buffer, pts: number | null, dts: number | null): void {
    this.#isLeftOut = false;
    // nothing began in the packet before where it had no payload
    if (this.#stamps.at(-1)?.at === this.#length) this.#stamps.pop();
    this.#stamps.push({ at: this.#length, time: pts === null || dts === null ? null : { pts, dts } });
    this.append(payload);
  }

  /** More of the payload that was pushed last. */
  append(payload: Buffer): void {
    if (this.#isLeftOut) return;
    const size = this.#length + payload.length;
    if (size > MAX_ACCESS_UNIT_BYTES) {
      this.#leaveOut(`${size} bytes and more, at most ${MAX_ACCESS_UNIT_BYTES} are allowed`);
      return;
    }
    this.#grow(size);
    payload.copy(this.#buffer, this.#length);
    this.#length = size;
    this.#scan();
  }

  /** Bytes were lost: what has begun is dropped, and all up to the next key frame. */
  reset(): void {
    if (this.#hasPicture) this.droppedFrames++;
    this.#length = 0;
    this.#from = 0;
    this.#scanned = 0;
    this.#stamps = [];
    this.#begun = false;
    this.#awaitsKey = true;
    this.#lastTime = null;
    this.#untimed = 0;
    this.#hasPicture = false;
    this.#isKey = false;
    this.#units = 0;
    this.#isLeftOut = false;
  }

  /** The stream is over: what has begun is its last access unit. */
  end(): void {
    if (this.#hasPicture) this.#handOn(this.#length);
    this.#moveToFront();
  }

  #grow(size: number): void {
    if (size <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(FIRST_CAPACITY, size, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }

  #scan(): void {
    for (;;) {
      const at = this.#buffer.subarray(0, this.#length).indexOf(START_CODE, this.#scanned);
      this.#scanned = at === -1 ? Math.max(this.#scanned, this.#length - START_CODE.length + 1) : at;
      if (at === -1 || at + START_CODE.length + NAL_START_BYTES > this.#length) break;
      this.#nalUnit();
    }
    // of the packets, those count in which the next NAL unit may begin
    while ((this.#stamps[1]?.at ?? Number.POSITIVE_INFINITY) < this.#scanned) this.#stamps.shift();
    this.#moveToFront();
  }

  /** Once for all access units that a packet completes: it may hold thousands. */
  #moveToFront(): void {
    const from = this.#from;
    if (from === 0) return;
    this.#buffer.copyWithin(0, from, this.#length);
    this.#length -= from;
    this.#scanned -= from;
    for (const stamp of this.#stamps) stamp.at -= from;
    this.#from = 0;
  }

  /** A NAL unit whose start code is at `#scanned`. */
  #nalUnit(): void {
    const header = this.#scanned + START_CODE.length;
    // a view that is another unit's once an access unit has been handed on
    const unit = this.#buffer.subarray(header, header + NAL_START_BYTES);
    // with the zero_byte, which belongs to what follows (ITU-T H.264 B.1.1)
    const start = this.#buffer[this.#scanned - 1] === 0 ? this.#scanned - 1 : this.#scanned;
    if (this.#reader === null && !this.#recognize(unit)) {
      this.#handOn(start);
      this.#scanned += START_CODE.length;
      return;
    }
    const h265 = this.#codec === 'H265';
    const place = h265 ? h265Place(unit) : h264Place(unit);
    const isRandomAccess = h265 ? isH265Irap(unit) : isH264Idr(unit);
    if (!this.#begun || (this.#hasPicture && (place === 'ahead' || place === 'first slice'))) {
      this.#handOn(start);
      this.#begun = true;
      // a zero at the packet's end may also be one that ends the NAL unit before
      this.#time = this.#takeTime(this.#from, false) ?? this.#takeTime(this.#scanned, true);
    } else if (this.#time === null && !this.#hasPicture) {
      // parameter sets in a packet of their own, without a time
      this.#time = this.#takeTime(start, true);
    }
    if (place === 'first slice' || place === 'slice') {
      this.#hasPicture = true;
      if (isRandomAccess) this.#isKey = true;
    }
    this.#scanned += START_CODE.length;
    if (++this.#units <= MAX_NAL_UNITS) return;
    this.#leaveOut(`${this.#units} NAL units and more, at most ${MAX_NAL_UNITS} are allowed`);
  }

  /** Drops what has begun, with all of its PES packet: where in it the bytes were cut apart makes no difference then. */
  #leaveOut(found: string): void {
    this.#events.excess(this.#id, `an access unit has ${found}`);
    this.reset();
    this.#isLeftOut = true;
  }

  /** Whether the codec is known by this NAL unit. */
  #recognize(unit: Buffer): boolean {
    const codec = codecOfNalUnit(unit);
    if (codec === null) return false;
    this.#codec = codec;
    this.#reader = new VideoReader(codec, this.#id, this.#events);
    return true;
  }

  /** The time of the packet in which `start` lies; null where it has none, or begins elsewhere and `atItsBegin` is wanted. */
  #takeTime(start: number, atItsBegin: boolean): Time | null {
    const stamp = this.#stamps.findLast(({ at }) => at <= start);
    if (stamp === undefined || (atItsBegin && stamp.at !== start)) return null;
    const { time } = stamp;
    stamp.time = null;
    return time;
  }

  /** The bytes up to `end` are the access unit that has begun; what follows is the next one's. */
  #handOn(end: number): void {
    if (this.#hasPicture) {
      const time = this.#nextTime();
      if (this.#awaitsKey && !this.#isKey) {
        this.droppedFrames++;
      } else {
        this.#awaitsKey = false;
        this.#reader?.push(this.#buffer.subarray(this.#from, end), time?.pts ?? null, time?.dts ?? null);
      }
    }
    this.#from = end;
    this.#hasPicture = false;
    this.#isKey = false;
    this.#units = 0;
  }

  #nextTime(): Time | null {
    const last = this.#lastTime;
    if (this.#time !== null) {
      const step = (this.#time.dts - (last?.dts ?? this.#time.dts)) / (this.#untimed + 1);
      if (step > 0 && step <= MAX_STEP_MS) this.#stepMs = step;
      this.#lastTime = this.#time;
      this.#untimed = 0;
      return this.#time;
    }
    if (last === null) return null;
    this.#untimed++;
    const dts = last.dts + this.#untimed * this.#stepMs;
    return { pts: dts, dts };
  }
}

/** What a NAL unit is to its access unit: `ahead`: it stands before the picture, so that it begins one after a picture. */
type Place = 'ahead' | 'first slice' | 'slice' | 'other';

/** ITU-T H.264 7.4.1.2.3. */
function h264Place(unit: Buffer): Place {
  const type = h264NalType(unit);
  // ue(v) of first_mb_in_slice: 0 is a single bit; data partitions B and C begin otherwise
  if (type === 1 || type === 2 || type === H264_NAL.IDR) return startsWithOne(unit, 1) ? 'first slice' : 'slice';
  if (type === 3 || type === 4) return 'slice';
  return (type >= H264_NAL.SEI && type <= H264_NAL.AUD) || (type >= 14 && type <= 18) ? 'ahead' : 'other';
}

const H265_LAST_SLICE = 31;
const H265_PREFIX_SEI = 39;

/** ITU-T H.265 7.4.2.4.4. */
function h265Place(unit: Buffer): Place {
  const type = h265NalType(unit);
  if (type <= H265_LAST_SLICE) return startsWithOne(unit, 2) ? 'first slice' : 'slice';
  if (type <= H265_NAL.AUD || type === H265_PREFIX_SEI) return 'ahead';
  return (type >= 41 && type <= 44) || (type >= 48 && type <= 55) ? 'ahead' : 'other';
}

function startsWithOne(unit: Buffer, at: number): boolean {
  return ((unit[at] ?? 0) & 0x80) !== 0;
}
