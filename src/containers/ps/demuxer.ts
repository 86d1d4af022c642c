/** Program streams to frames: the first video and the first audio, whatever split the bytes come in. */
import { ByteQueue } from '../../media/index.ts';
import {
  AdtsReader,
  EventList,
  type PesPacket,
  parsePes,
  TICKS_PER_MS,
  type TsEvent,
  unwrapTicks,
} from '../mpegts/index.ts';
import { AccessUnits } from './access-units.ts';
import { type AudioCodec, beginsWithAdts, codecOfType, isVideoCodec, type VideoCodec } from './content.ts';
import { G711Reader } from './g711-reader.ts';
import { MAX_MAP_LENGTH, parseProgramStreamMap } from './program-stream-map.ts';
import {
  findStartCode,
  isAudioId,
  isMpeg1Pack,
  isVideoId,
  MPEG1_PACK_HEADER_BYTES,
  PACK_HEADER_BYTES,
  PACKET_START_BYTES,
  packHeaderBytes,
  parseMpeg1Pes,
  START_CODE,
  START_CODE_BYTES,
  startCodeOf,
} from './system.ts';

/** Of a PES header: up to PES_header_data_length, at most 255 bytes more follow. */
const PES_FLAGS_END = 9;
/** Audio that no program stream map tells of and that is not ADTS is taken for G711A after so many PES packets. */
const UNKNOWN_AUDIO_PACKETS = 25;

/** A stream that is listened to. */
interface Listened<R> {
  readonly id: number;
  readonly reader: R;
  /** The last dts in ticks, unwrapped; null: none yet. */
  reference: number | null;
}

/** The frames of an audio stream. Times in milliseconds. */
interface AudioReader {
  push(payload: Buffer, pts: number | null): void;
  /** Bytes were lost. */
  reset(): void;
}
type Video = Listened<AccessUnits>;
type Audio = Listened<AudioReader> & { readonly codec: AudioCodec };

/** Where in the stream the front of the queue is. */
type Place =
  /** Between two packets. */
  | 'start code'
  /** Bytes are missing, or are no packets: all up to the next pack header is passed over. */
  | 'lost'
  /** Within a video PES packet that does not say its length: it goes on to the next start code. */
  | 'open packet';

/**
 * Pushed bytes in, events out: the same as of a transport stream, with the stream_id in place of the PID. It keeps what
 * was pushed by reference until the packet is whole.
 */
export class PsDemuxer {
  readonly #queue = new ByteQueue();
  readonly #events = new EventList();
  #place: Place = 'lost';
  /** The stream_id of the open packet. */
  #openId = 0;
  #skipped = 0;
  /** The last program stream map, and the stream types in it. */
  #map: Buffer = Buffer.alloc(0);
  #types: ReadonlyMap<number, number> = new Map();
  #video: Video | null = null;
  #audio: Audio | null = null;
  /** Packets of audio of which nothing tells the codec. */
  #unknownAudio = 0;
  #droppedBefore = 0;

  /** Video frames that were dropped where bytes were lost, up to the next key frame each time. */
  get droppedFrames(): number {
    return this.#droppedBefore + (this.#video?.reader.droppedFrames ?? 0);
  }

  push(bytes: Buffer): TsEvent[] {
    this.#queue.push(bytes);
    while (this.#step());
    return this.#events.take();
  }

  /** Bytes are missing before those that are pushed next. */
  lost(): void {
    this.#skip(this.#queue.length);
    this.#lose();
  }

  /** The stream is over: what of it can only be complete by that. */
  end(): TsEvent[] {
    if (this.#place === 'open packet') this.#continue(this.#queue.consume(this.#queue.length));
    this.#video?.reader.end();
    this.#skip(this.#queue.length);
    this.#reportSkipped();
    return this.#events.take();
  }

  #lose(): void {
    this.#place = 'lost';
    this.#video?.reader.reset();
    this.#audio?.reader.reset();
  }

  /** What is in the queue is no packet. */
  #corrupt(reason: string, id = 0): boolean {
    this.#events.problem(id, reason);
    this.#lose();
    return true;
  }

  #skip(bytes: number): void {
    this.#queue.skip(bytes);
    this.#skipped += bytes;
  }

  #reportSkipped(): void {
    if (this.#skipped > 0) this.#events.push({ type: 'skipped', bytes: this.#skipped });
    this.#skipped = 0;
  }

  /** Takes what is complete from the queue; false where nothing is. */
  #step(): boolean {
    switch (this.#place) {
      case 'lost':
        return this.#findPack();
      case 'open packet':
        return this.#openPacket();
      case 'start code':
        return this.#packet();
    }
  }

  #findPack(): boolean {
    const bytes = this.#queue.peek(this.#queue.length);
    const at = findStartCode(bytes, START_CODE.PACK);
    if (at === -1) {
      this.#skip(Math.max(0, bytes.length - START_CODE_BYTES + 1));
      return false;
    }
    this.#skip(at);
    this.#reportSkipped();
    this.#place = 'start code';
    return true;
  }

  #openPacket(): boolean {
    const bytes = this.#queue.consume(this.#queue.length);
    const at = findStartCode(bytes);
    const end = at === -1 ? Math.max(0, bytes.length - START_CODE_BYTES + 1) : at;
    this.#continue(bytes.subarray(0, end));
    this.#queue.push(bytes.subarray(end));
    if (at !== -1) this.#place = 'start code';
    return at !== -1;
  }

  #continue(payload: Buffer): void {
    if (this.#openId === this.#video?.id) this.#video.reader.append(payload);
  }

  #packet(): boolean {
    if (this.#queue.length < START_CODE_BYTES) return false;
    const code = startCodeOf(this.#queue.peek(START_CODE_BYTES));
    if (code === null) return this.#corrupt('no start code where a packet is to begin');
    if (code === START_CODE.PROGRAM_END) {
      this.#queue.skip(START_CODE_BYTES);
      return true;
    }
    if (code === START_CODE.PACK) return this.#packHeader();
    if (this.#queue.length < PACKET_START_BYTES) return false;
    const length = this.#queue.peek(PACKET_START_BYTES).readUInt16BE(START_CODE_BYTES);
    if (length === 0 && isVideoId(code)) return this.#openVideo(code);
    if (length > MAX_MAP_LENGTH && code === START_CODE.PROGRAM_STREAM_MAP) {
      return this.#corrupt(`program_stream_map_length is ${length}, at most ${MAX_MAP_LENGTH} is allowed`, code);
    }
    if (this.#queue.length < PACKET_START_BYTES + length) return false;
    const packet = this.#queue.consume(PACKET_START_BYTES + length);
    if (code === START_CODE.PROGRAM_STREAM_MAP) this.#programStreamMap(packet);
    else if (isVideoId(code) || isAudioId(code)) this.#pes(packet);
    return true;
  }

  #packHeader(): boolean {
    // the shorter one first: nothing need follow it
    if (this.#queue.length < MPEG1_PACK_HEADER_BYTES) return false;
    const isMpeg1 = isMpeg1Pack(this.#queue.peek(MPEG1_PACK_HEADER_BYTES));
    const needed = isMpeg1 ? MPEG1_PACK_HEADER_BYTES : PACK_HEADER_BYTES;
    if (this.#queue.length < needed) return false;
    const size = packHeaderBytes(this.#queue.peek(needed));
    if (size === null) {
      // so that it is not found again
      this.#skip(START_CODE_BYTES);
      return this.#corrupt('a pack header without its marker bits', START_CODE.PACK);
    }
    if (this.#queue.length < size) return false;
    this.#queue.skip(size);
    return true;
  }

  /** A video packet that does not say its length: its header, then whatever comes. */
  #openVideo(id: number): boolean {
    if (this.#queue.length < PES_FLAGS_END) return false;
    const headerBytes = PES_FLAGS_END + this.#queue.byteAt(PES_FLAGS_END - 1);
    if (this.#queue.length < headerBytes) return false;
    const header = parsePes(this.#queue.consume(headerBytes));
    if (header === null) return this.#corrupt('no PES packet header behind a start code', id);
    this.#pushVideo(header);
    this.#openId = id;
    this.#place = 'open packet';
    return true;
  }

  #pes(packet: Buffer): void {
    const id = packet.readUInt8(3);
    const pes = parsePes(packet) ?? parseMpeg1Pes(packet);
    if (pes === null) this.#events.problem(id, `no PES packet header at the start of ${packet.length} bytes`);
    else if (isVideoId(id)) this.#pushVideo(pes);
    else this.#pushAudio(pes);
  }

  #pushVideo(pes: PesPacket): void {
    const video = this.#listenVideo(pes.streamId);
    if (video === null) return;
    const { pts, dts } = unwrap(pes, video, this.#audio);
    video.reader.push(pes.payload, pts, dts);
  }

  #pushAudio(pes: PesPacket): void {
    const audio = this.#listenAudio(pes);
    if (audio !== null) audio.reader.push(pes.payload, unwrap(pes, audio, this.#video).pts);
  }

  /** The stream of this id where it is the one that is listened to, or becomes it. */
  #listenVideo(id: number): Video | null {
    if (this.#video !== null) return this.#video.id === id ? this.#video : null;
    const type = this.#types.get(id);
    if (type === undefined) return this.#startVideo(id, null);
    const codec = codecOfType(type);
    return codec === null || !isVideoCodec(codec) ? null : this.#startVideo(id, codec);
  }

  #listenAudio({ streamId, payload }: PesPacket): Audio | null {
    if (this.#audio !== null) return this.#audio.id === streamId ? this.#audio : null;
    const type = this.#types.get(streamId);
    const codec = type === undefined ? this.#audioByContent(payload) : codecOfType(type);
    return codec === null || isVideoCodec(codec) ? null : this.#startAudio(streamId, codec);
  }

  #audioByContent(payload: Buffer): AudioCodec | null {
    if (beginsWithAdts(payload)) return 'AAC';
    return ++this.#unknownAudio > UNKNOWN_AUDIO_PACKETS ? 'PCMA' : null;
  }

  #startVideo(id: number, codec: VideoCodec | null): Video {
    if (this.#video !== null) {
      this.#video.reader.end();
      this.#droppedBefore += this.#video.reader.droppedFrames;
    }
    this.#video = { id, reader: new AccessUnits(codec, id, this.#events), reference: null };
    return this.#video;
  }

  #startAudio(id: number, codec: AudioCodec): Audio {
    const reader = codec === 'AAC' ? new AdtsReader(id, this.#events) : new G711Reader(codec, this.#events);
    this.#audio = { id, codec, reader, reference: null };
    return this.#audio;
  }

  /** What the map lists is believed; what it does not list goes on as it was found. */
  #programStreamMap(map: Buffer): void {
    if (map.equals(this.#map)) return;
    const types = parseProgramStreamMap(map);
    if (typeof types === 'string') {
      this.#events.problem(START_CODE.PROGRAM_STREAM_MAP, types);
      return;
    }
    this.#map = map;
    this.#types = types;
    let video: VideoCodec | null = null;
    let audio: AudioCodec | null = null;
    for (const [id, type] of types) {
      const codec = codecOfType(type);
      if (codec === null) {
        this.#events.problem(id, `stream_type 0x${type.toString(16)} is not carried and is left out`);
      } else if (isVideoId(id) && isVideoCodec(codec) && video === null) {
        video = codec;
        if (this.#video?.id !== id || this.#video.reader.codec !== codec) this.#startVideo(id, codec);
      } else if (isAudioId(id) && !isVideoCodec(codec) && audio === null) {
        audio = codec;
        if (this.#audio?.id !== id || this.#audio.codec !== codec) this.#startAudio(id, codec);
      }
    }
  }
}

/** The times of a PES packet in milliseconds, near to those that its stream, or else the `other` one, had before. */
function unwrap(
  { pts, dts }: PesPacket,
  stream: { reference: number | null },
  other: { readonly reference: number | null } | null,
): { pts: number | null; dts: number | null } {
  if (pts === null || dts === null) return NO_TIMES;
  const reference = unwrapTicks(dts, stream.reference ?? other?.reference ?? dts);
  stream.reference = reference;
  return { pts: unwrapTicks(pts, reference) / TICKS_PER_MS, dts: reference / TICKS_PER_MS };
}

const NO_TIMES = { pts: null, dts: null };
