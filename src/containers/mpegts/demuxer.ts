/** Transport streams to frames: the first program's first video and first audio, whatever split the bytes come in. */
import { ByteQueue } from '../../media/index.ts';
import { AdtsReader, OpusReader } from './audio-reader.ts';
import { EventList, type TsEvent } from './events.ts';
import { PACKET_BYTES, PACKET_ROOM, SYNC_BYTE } from './packet.ts';
import type { PesPacket } from './pes.ts';
import { MAX_AUDIO_PES_BYTES, MAX_VIDEO_PES_BYTES, PesAssembler, type PesResult } from './pes-assembler.ts';
import { type ElementaryStream, NULL_PID, opusChannels, PAT_PID, parsePat, parsePmt, STREAM_TYPE } from './psi.ts';
import { SectionAssembler } from './section.ts';
import { TICKS_PER_MS, unwrapTicks } from './time.ts';
import { VideoReader } from './video-reader.ts';

/** The frames of one codec. Times in milliseconds. */
interface ElementaryReader {
  push(payload: Buffer, pts: number | null, dts: number | null): void;
  reset(): void;
}

/** A PID that is listened to: its continuity, and what its payload is. */
interface Listened {
  readonly pid: number;
  /** The last counter with payload; null: none yet. */
  counter: number | null;
  lastPayload: Buffer;
  readonly content:
    | { readonly kind: 'sections'; readonly assembler: SectionAssembler }
    | {
        readonly kind: 'media';
        readonly stream: ElementaryStream;
        readonly media: 'video' | 'audio';
        readonly assembler: PesAssembler;
        readonly reader: ElementaryReader;
      };
}

/** Pushed bytes in, events out. It keeps what was pushed by reference until the PES packet is whole. */
export class TsDemuxer {
  readonly #queue = new ByteQueue();
  readonly #events = new EventList();
  readonly #listened = new Map<number, Listened>();
  #synced = true;
  #skipped = 0;
  #pmtPid: number | null = null;
  /** The last dts in ticks, unwrapped: what the next one is near to. */
  #reference: number | null = null;

  constructor() {
    this.#listenSections(PAT_PID);
  }

  push(bytes: Buffer): TsEvent[] {
    this.#queue.push(bytes);
    for (;;) {
      if (!this.#synced) this.#resync();
      if (!this.#synced || this.#queue.length < PACKET_BYTES) break;
      if (this.#queue.byteAt(0) === SYNC_BYTE) this.#packet(this.#queue.consume(PACKET_BYTES));
      else this.#synced = false;
    }
    return this.#events.take();
  }

  /** The stream is over: what of it can only be complete by that. */
  end(): TsEvent[] {
    while (!this.#synced && this.#queue.length > PACKET_BYTES) this.#skip();
    if (this.#queue.length === PACKET_BYTES && this.#queue.byteAt(0) === SYNC_BYTE) {
      this.#reportSkipped();
      this.#packet(this.#queue.consume(PACKET_BYTES));
    }
    while (this.#queue.length > 0) this.#skip();
    this.#reportSkipped();
    for (const listened of this.#listened.values()) this.#endMedia(listened);
    return this.#events.take();
  }

  /** Two sync bytes a packet apart are taken for packets. */
  #resync(): void {
    while (this.#queue.length > PACKET_BYTES) {
      if (this.#queue.byteAt(0) === SYNC_BYTE && this.#queue.byteAt(PACKET_BYTES) === SYNC_BYTE) {
        this.#synced = true;
        this.#reportSkipped();
        return;
      }
      this.#skip();
    }
  }

  #skip(): void {
    this.#queue.skip(1);
    this.#skipped++;
  }

  #reportSkipped(): void {
    if (this.#skipped > 0) this.#events.push({ type: 'skipped', bytes: this.#skipped });
    this.#skipped = 0;
  }

  #packet(packet: Buffer): void {
    const pid = packet.readUInt16BE(1) & 0x1fff;
    const listened = this.#listened.get(pid);
    if (listened === undefined || pid === NULL_PID) return;
    const control = packet.readUInt8(3);
    const damaged = (packet.readUInt8(1) & 0x80) !== 0; // transport_error_indicator
    const scrambled = (control & 0xc0) !== 0;
    if (damaged || scrambled || (control & 0x10) === 0) return;
    let start = 4;
    let discontinuity = false;
    if ((control & 0x20) !== 0) {
      const length = packet.readUInt8(4);
      if (length >= PACKET_ROOM) {
        this.#events.problem(pid, `adaptation_field_length is ${length}, at most ${PACKET_ROOM - 1} are allowed`);
        return;
      }
      discontinuity = length > 0 && (packet.readUInt8(5) & 0x80) !== 0;
      start += 1 + length;
    }
    const payload = packet.subarray(start);
    if (!this.#continues(listened, control & 0x0f, payload, discontinuity)) return;
    this.#payload(listened, payload, (packet.readUInt8(1) & 0x40) !== 0);
  }

  /** Keeps the continuity (ISO 13818-1 2.4.3.3). False for a packet that came a second time, which is allowed. */
  #continues(listened: Listened, found: number, payload: Buffer, discontinuity: boolean): boolean {
    const { counter, pid, content } = listened;
    if (counter === found && payload.equals(listened.lastPayload)) return false;
    const expected = counter === null ? found : (counter + 1) & 0x0f;
    listened.counter = found;
    listened.lastPayload = payload;
    if (expected === found || discontinuity) return true;
    this.#events.push({ type: 'loss', pid, expected, found });
    content.assembler.reset();
    if (content.kind === 'media') content.reader.reset();
    return true;
  }

  #payload(listened: Listened, payload: Buffer, starts: boolean): void {
    const { content, pid } = listened;
    if (content.kind === 'sections') {
      for (const section of content.assembler.push(payload, starts)) {
        if (typeof section === 'string') this.#events.problem(pid, section);
        else if (pid === PAT_PID) this.#pat(section);
        else this.#pmt(section);
      }
      return;
    }
    for (const pes of content.assembler.push(payload, starts)) this.#pes(pid, pes, content.reader);
  }

  #pat(section: Buffer): void {
    const pmtPid = parsePat(section);
    if (pmtPid === null || pmtPid === this.#pmtPid || pmtPid === PAT_PID) return;
    if (this.#pmtPid !== null) this.#listened.delete(this.#pmtPid);
    this.#pmtPid = pmtPid;
    this.#drop(this.#listened.get(pmtPid));
    this.#listenSections(pmtPid);
  }

  #pmt(section: Buffer): void {
    const map = parsePmt(section);
    if (map === null) return;
    const video = map.streams.find(isVideo);
    const audio = map.streams.find(isAudio);
    for (const listened of [...this.#listened.values()]) {
      if (listened.content.kind !== 'media') continue;
      const { stream, media } = listened.content;
      const now = media === 'video' ? video : audio;
      if (now === undefined || !sameStream(now, stream)) this.#drop(listened);
    }
    if (video !== undefined) this.#listenMedia(video, 'video');
    if (audio !== undefined) this.#listenMedia(audio, 'audio');
  }

  #listenSections(pid: number): void {
    const content = { kind: 'sections', assembler: new SectionAssembler() } as const;
    this.#listened.set(pid, { pid, counter: null, lastPayload: NO_PAYLOAD, content });
  }

  #listenMedia(stream: ElementaryStream, media: 'video' | 'audio'): void {
    const { pid } = stream;
    if (this.#listened.has(pid)) return;
    const reader = this.#createReader(stream);
    const assembler = new PesAssembler(media === 'video' ? MAX_VIDEO_PES_BYTES : MAX_AUDIO_PES_BYTES);
    const content = { kind: 'media', stream, media, assembler, reader } as const;
    this.#listened.set(pid, { pid, counter: null, lastPayload: NO_PAYLOAD, content });
  }

  #createReader({ streamType, pid, descriptors }: ElementaryStream): ElementaryReader {
    if (streamType === STREAM_TYPE.H264) return new VideoReader('H264', pid, this.#events);
    if (streamType === STREAM_TYPE.H265) return new VideoReader('H265', pid, this.#events);
    if (streamType === STREAM_TYPE.AAC) return new AdtsReader(pid, this.#events);
    return new OpusReader(opusChannels(descriptors) ?? 2, pid, this.#events);
  }

  /** The program no longer has this stream: what was begun is its last, and its track is gone. */
  #drop(listened: Listened | undefined): void {
    if (listened?.content.kind !== 'media') return;
    this.#endMedia(listened);
    this.#listened.delete(listened.pid);
    if (listened.content.media === 'video') this.#events.setVideo(null);
    else this.#events.setAudio(null);
  }

  #endMedia({ content, pid }: Listened): void {
    if (content.kind !== 'media') return;
    const last = content.assembler.end();
    if (last !== null) this.#pes(pid, last, content.reader);
  }

  #pes(pid: number, pes: PesResult, reader: ElementaryReader): void {
    if (typeof pes === 'string') {
      this.#events.problem(pid, pes);
      reader.reset();
      return;
    }
    const dts = this.#unwrapDts(pes);
    const pts = dts === null || pes.pts === null ? null : unwrapTicks(pes.pts, dts);
    reader.push(pes.payload, pts === null ? null : pts / TICKS_PER_MS, dts === null ? null : dts / TICKS_PER_MS);
  }

  #unwrapDts({ dts }: PesPacket): number | null {
    if (dts === null) return null;
    this.#reference = unwrapTicks(dts, this.#reference ?? dts);
    return this.#reference;
  }
}

const NO_PAYLOAD = Buffer.alloc(0);

function isVideo({ streamType }: ElementaryStream): boolean {
  return streamType === STREAM_TYPE.H264 || streamType === STREAM_TYPE.H265;
}

function isAudio({ streamType, descriptors }: ElementaryStream): boolean {
  return streamType === STREAM_TYPE.AAC || (streamType === STREAM_TYPE.PRIVATE && opusChannels(descriptors) !== null);
}

function sameStream(a: ElementaryStream, b: ElementaryStream): boolean {
  return a.pid === b.pid && a.streamType === b.streamType && a.descriptors.equals(b.descriptors);
}
