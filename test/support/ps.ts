/** A camera's side of GB28181: program streams written from ISO 13818-1 2.5 in the ways that cameras write them, over RTP. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import type { Scope } from './temp-dir.ts';

/** 90 kHz ticks. */
const TICKS_PER_SECOND = 90_000;
const FRAMES_PER_SECOND = 25;
const SAMPLES_PER_SECOND = 8000;
/** G711 samples in a packet: 40 ms. */
const G711_PACKET_BYTES = 320;
const MAX_RTP_PAYLOAD = 1400;
const PS_PAYLOAD_TYPE = 96;

type Video = 'h264' | 'h265' | null;
type Audio = 'aac' | 'pcma' | 'pcmu' | null;

/** An access unit as a byte stream, an ADTS frame, or G711 samples. */
export interface CameraFrame {
  readonly kind: 'video' | 'audio';
  readonly data: Buffer;
  /** 90 kHz. */
  readonly ticks: number;
  readonly isKey: boolean;
}

export interface CameraMedia {
  readonly video: Video;
  readonly audio: Audio;
  /** All frames by time. Audio and video are equally long. */
  readonly frames: readonly CameraFrame[];
  /** 90 kHz. */
  readonly durationTicks: number;
}

/** What a camera films in so many seconds: 320x240 at 25 frames a second, a key frame each second, and a tone. */
export function film(video: Video, audio: Audio, seconds: number): CameraMedia {
  const frames = [
    ...(video === null ? [] : videoFrames(video, seconds)),
    ...(audio === null ? [] : audioFrames(audio, seconds)),
  ];
  frames.sort((a, b) => a.ticks - b.ticks);
  return { video, audio, frames, durationTicks: seconds * TICKS_PER_SECOND };
}

function videoFrames(video: 'h264' | 'h265', seconds: number): CameraFrame[] {
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=320x240:rate=${FRAMES_PER_SECOND}:duration=${seconds}`];
  const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-x264-params', 'slices=2', '-bf', '0'];
  const x265 = 'log-level=error:keyint=25:min-keyint=25:bframes=0:scenecut=0:open-gop=0:pools=1:repeat-headers=1';
  const h265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', x265];
  const gop = ['-g', '25', '-keyint_min', '25', '-sc_threshold', '0', '-pix_fmt', 'yuv420p'];
  const delimiters = ['-bsf:v', `${video === 'h264' ? 'h264' : 'hevc'}_metadata=aud=insert`];
  const codec = video === 'h264' ? [...h264, ...gop] : [...h265, ...gop];
  const bytes = ffmpeg([...picture, ...codec, ...delimiters, '-f', video === 'h264' ? 'h264' : 'hevc', 'pipe:1']);
  // cut before each delimiter, which then is left out, as cameras have none
  const delimiter = Buffer.from(video === 'h264' ? '0000000109' : '000000014601', 'hex');
  const starts: number[] = [];
  for (let at = bytes.indexOf(delimiter); at !== -1; at = bytes.indexOf(delimiter, at + 1)) starts.push(at);
  return starts.map((start, i) => {
    const unit = bytes.subarray(start, starts[i + 1] ?? bytes.length);
    const units = nalUnits(unit).slice(1);
    const isKey = units.some((each) =>
      video === 'h264' ? ((each[4] ?? 0) & 0x1f) === 5 : [19, 20].includes((each[4] ?? 0) >> 1),
    );
    return { kind: 'video', data: Buffer.concat(units), ticks: (i * TICKS_PER_SECOND) / FRAMES_PER_SECOND, isKey };
  });
}

/** Its NAL units, each with a start code of four bytes. */
export function nalUnits(accessUnit: Buffer): Buffer[] {
  const units: Buffer[] = [];
  const code = Buffer.from([0, 0, 1]);
  for (let at = accessUnit.indexOf(code); at !== -1; ) {
    const next = accessUnit.indexOf(code, at + 3);
    let end = next === -1 ? accessUnit.length : next;
    while (accessUnit[end - 1] === 0) end--;
    units.push(Buffer.concat([Buffer.alloc(1), accessUnit.subarray(at, end)]));
    at = next;
  }
  return units;
}

function audioFrames(audio: 'aac' | 'pcma' | 'pcmu', seconds: number): CameraFrame[] {
  const tone = (rate: number): string[] => [
    '-f',
    'lavfi',
    '-i',
    `sine=frequency=440:sample_rate=${rate}:duration=${seconds}`,
  ];
  if (audio !== 'aac') {
    const format = audio === 'pcma' ? 'alaw' : 'mulaw';
    const samples = ffmpeg([...tone(SAMPLES_PER_SECOND), '-ac', '1', '-f', format, 'pipe:1']);
    const count = Math.floor(samples.length / G711_PACKET_BYTES);
    return Array.from({ length: count }, (_, i) => ({
      kind: 'audio',
      data: samples.subarray(i * G711_PACKET_BYTES, (i + 1) * G711_PACKET_BYTES),
      ticks: (i * G711_PACKET_BYTES * TICKS_PER_SECOND) / SAMPLES_PER_SECOND,
      isKey: false,
    }));
  }
  const bytes = ffmpeg([...tone(48_000), '-c:a', 'aac', '-ac', '1', '-b:a', '64k', '-f', 'adts', 'pipe:1']);
  const frames: CameraFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = (bytes.readUInt32BE(at + 2) >> 5) & 0x1fff;
    const ticks = Math.round((frames.length * 1024 * TICKS_PER_SECOND) / 48_000);
    if (ticks < seconds * TICKS_PER_SECOND) {
      frames.push({ kind: 'audio', data: bytes.subarray(at, at + size), ticks, isKey: false });
    }
    at += size;
  }
  return frames;
}

function ffmpeg(args: readonly string[]): Buffer {
  const { stdout, stderr, status } = spawnSync('ffmpeg', ['-v', 'error', '-nostdin', ...args], { maxBuffer: 2 ** 28 });
  assert.equal(status, 0, `ffmpeg ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** In what way a camera writes its program stream. */
export interface PsStyle {
  /** A PES packet for each NAL unit instead of one for the access unit. */
  readonly pesPerNal?: boolean;
  /** Where an access unit takes several packets, each has the pts instead of the first alone. */
  readonly repeatPts?: boolean;
  /** PES_packet_length of video is 0. */
  readonly openPes?: boolean;
  /** The largest payload of a PES packet. */
  readonly maxPesBytes?: number;
  /** No program stream map, no system header. */
  readonly noMap?: boolean;
  /** Private packets, padding, and stuffing in the pack header, as of Hikvision. */
  readonly extras?: boolean;
}

const STREAM_TYPES = { h264: 0x1b, h265: 0x24, aac: 0x0f, pcma: 0x90, pcmu: 0x91 };
const VIDEO_ID = 0xe0;
const AUDIO_ID = 0xc0;

/** The pack of one frame; before a key frame, or any where there is no video, with system header and map. */
export function psPack(media: CameraMedia, frame: CameraFrame, style: PsStyle = {}): Buffer {
  const parts = [packHeader(frame.ticks, style.extras === true ? 6 : 0)];
  if (style.noMap !== true && (frame.isKey || media.video === null))
    parts.push(systemHeader(), programStreamMap(media));
  if (style.extras === true)
    parts.push(lengthPacket(0xbd, Buffer.from('HKP private')), lengthPacket(0xbe, Buffer.alloc(9, 0xff)));
  if (frame.kind === 'audio') parts.push(pesPacket(AUDIO_ID, frame.data, frame.ticks));
  else {
    const units = style.pesPerNal === true ? nalUnits(frame.data) : [frame.data];
    const pieces = units.flatMap((unit) => cut(unit, style.maxPesBytes ?? 65_000));
    pieces.forEach((piece, i) => {
      const ticks = i === 0 || style.repeatPts === true ? frame.ticks : null;
      parts.push(pesPacket(VIDEO_ID, piece, ticks, ticks, style.openPes === true));
    });
  }
  return Buffer.concat(parts);
}

/** ISO 13818-1 2.5.3.3. */
export function packHeader(ticks: number, stuffing = 0): Buffer {
  const scr = BigInt(ticks) & 0x1ffffffffn;
  const field =
    (0b01n << 46n) |
    ((scr >> 30n) << 43n) |
    (1n << 42n) |
    (((scr >> 15n) & 0x7fffn) << 27n) |
    (1n << 26n) |
    ((scr & 0x7fffn) << 11n) |
    (1n << 10n) |
    1n;
  const header = Buffer.alloc(14 + stuffing, 0xff);
  header.writeUInt32BE(0x1ba, 0);
  header.writeUIntBE(Number(field), 4, 6);
  header.writeUIntBE((50_000 << 2) | 3, 10, 3);
  header.writeUInt8(0xf8 | stuffing, 13);
  return header;
}

/** 2.5.3.5, for one video and one audio stream. */
function systemHeader(): Buffer {
  return lengthPacket(0xbb, Buffer.from('80c4e10421ffe0e0ffc0c020', 'hex'));
}

/** 2.5.4.1. */
export function programStreamMap({ video, audio }: Pick<CameraMedia, 'video' | 'audio'>): Buffer {
  const entries: number[] = [];
  if (video !== null) entries.push(STREAM_TYPES[video], VIDEO_ID, 0, 0);
  if (audio !== null) entries.push(STREAM_TYPES[audio], AUDIO_ID, 0, 0);
  // the CRC is left 0, as by many cameras
  return lengthPacket(0xbc, Buffer.from([0xe0, 0xff, 0, 0, 0, entries.length, ...entries, 0, 0, 0, 0]));
}

/** A packet with its length and nothing else of a header. */
export function lengthPacket(id: number, body: Buffer): Buffer {
  const head = Buffer.from([0, 0, 1, id, 0, 0]);
  head.writeUInt16BE(body.length, 4);
  return Buffer.concat([head, body]);
}

/** 2.4.3.6; `isOpen`: without its length. */
export function pesPacket(
  id: number,
  payload: Buffer,
  pts: number | null,
  dts: number | null = pts,
  isOpen = false,
): Buffer {
  const times = pts === null ? [] : pts === dts ? [timestamp(2, pts)] : [timestamp(3, pts), timestamp(1, dts ?? pts)];
  const timeBytes = Buffer.concat(times);
  const flags = [0x80, times.length === 0 ? 0 : times.length === 1 ? 0x80 : 0xc0, timeBytes.length];
  const packet = lengthPacket(id, Buffer.concat([Buffer.from(flags), timeBytes, payload]));
  if (isOpen) packet.writeUInt16BE(0, 4);
  return packet;
}

function timestamp(prefix: number, ticks: number): Buffer {
  const t = BigInt(ticks) & 0x1ffffffffn;
  const bits =
    (BigInt(prefix) << 36n) |
    ((t >> 30n) << 33n) |
    (1n << 32n) |
    (((t >> 15n) & 0x7fffn) << 17n) |
    (1n << 16n) |
    ((t & 0x7fffn) << 1n) |
    1n;
  const out = Buffer.alloc(5);
  out.writeUIntBE(Number(bits >> 8n), 0, 4);
  out.writeUInt8(Number(bits & 0xffn), 4);
  return out;
}

function cut(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

/** Puts packs into RTP packets (RFC 3550), one sequence for all that one packetizer made. */
export class RtpPacketizer {
  readonly #ssrc: number;
  #sequence: number;

  constructor(ssrc: number, sequence = 0xfff0) {
    this.#ssrc = ssrc;
    this.#sequence = sequence;
  }

  /** @param ticks 90 kHz */
  packets(pack: Buffer, ticks: number): Buffer[] {
    const pieces = cut(pack, MAX_RTP_PAYLOAD);
    return pieces.map((piece, i) => {
      const header = Buffer.alloc(12);
      header.writeUInt8(0x80, 0);
      header.writeUInt8((i === pieces.length - 1 ? 0x80 : 0) | PS_PAYLOAD_TYPE, 1);
      header.writeUInt16BE(this.#sequence++ & 0xffff, 2);
      header.writeUInt32BE(ticks % 2 ** 32, 4);
      header.writeUInt32BE(this.#ssrc, 8);
      return Buffer.concat([header, piece]);
    });
  }
}

/** A packet behind its length (RFC 4571 2). */
export function rfc4571(packet: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(packet.length);
  return Buffer.concat([length, packet]);
}

export interface CameraOptions {
  readonly transport: 'udp' | 'tcp';
  readonly style?: PsStyle;
  /** What the network makes of the packets of one frame. */
  readonly distort?: (packets: Buffer[]) => Buffer[];
}

/** Sends a film at its own pace, again and again, to a port of this machine, from now to the end of the scope. */
export async function startCamera(
  scope: Scope,
  port: number,
  media: CameraMedia,
  options: CameraOptions,
): Promise<Camera> {
  const { transport, style, distort = (packets) => packets } = options;
  const line = transport === 'udp' ? await udpLine(port) : await tcpLine(port);
  const packetizer = new RtpPacketizer(0x1234);
  const startedAt = performance.now();
  let next = 0;
  let round = 0;
  const send = (): void => {
    const now = ((performance.now() - startedAt) * TICKS_PER_SECOND) / 1000;
    for (;;) {
      const frame = media.frames[next];
      if (frame === undefined) {
        next = 0;
        round++;
        continue;
      }
      const ticks = frame.ticks + round * media.durationTicks;
      if (ticks > now) return;
      for (const packet of distort(packetizer.packets(psPack(media, { ...frame, ticks }, style), ticks)))
        line.send(packet);
      next++;
    }
  };
  const timer = setInterval(send, 10);
  const stop = (): void => {
    clearInterval(timer);
    line.close();
  };
  scope.after(stop);
  return { stop };
}

export interface Camera {
  /** Sends no more; a connection is closed. */
  stop(): void;
}

interface Line {
  send(packet: Buffer): void;
  close(): void;
}

/** Sends datagrams to a port of this machine. */
export async function udpLine(port: number): Promise<Line> {
  const socket = dgram.createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  // a port that has been closed
  socket.on('error', () => {});
  let isOpen = true;
  return {
    send: (packet) => {
      if (isOpen) socket.send(packet);
    },
    close: () => {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
}

async function tcpLine(port: number): Promise<Line> {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => {});
  return { send: (packet) => void socket.write(rfc4571(packet)), close: () => void socket.destroy() };
}
