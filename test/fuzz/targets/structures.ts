/** Inputs made by rule: what is well-formed, or nearly so, in ways that no recording has. */
import fc from 'fast-check';
import {
  type AmfValue,
  amfEcmaArray,
  amfObject,
  flvFormats,
  serializeAmf0,
} from '../../../src/containers/flv/index.ts';
import { aacTrack, adtsHeader, h264Track, joinNalUnits, MAX_NAL_UNITS, NO_TRACKS } from '../../../src/media/index.ts';
import { chunkMessage } from '../../../src/wire/rtmp/chunk-writer.ts';
import { serializeRtpPacket } from '../../../src/wire/rtp/packet.ts';
import { lengthPacket, packHeader, pesPacket, programStreamMap } from '../../support/ps.ts';

/** Samples of each rule: the same each time. */
const SAMPLES = 40;
const SEED = 1;
const ADTS_TRACK = aacTrack(Buffer.from('1210', 'hex'));

function samples(rule: fc.Arbitrary<Buffer>): Buffer[] {
  return fc.sample(rule, { seed: SEED, numRuns: SAMPLES });
}

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength, size: 'max' }).map((some) => Buffer.from(some));

const { value } = fc.letrec<{ value: AmfValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    ...[fc.double(), fc.boolean(), fc.string({ unit: 'grapheme' }), fc.constant(null), fc.constant(undefined)],
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 6 }), tie('value'), { maxKeys: 4 }).map(amfObject),
    fc.dictionary(fc.string({ maxLength: 6 }), tie('value'), { maxKeys: 4 }).map(amfEcmaArray),
    fc.record({ type: fc.constant('date' as const), ms: fc.double(), timeZone: fc.integer({ min: -720, max: 720 }) }),
    fc.record({ type: fc.constant('reference' as const), index: fc.nat(0xffff) }),
  ),
}));
const amfValues = fc.array(value, { maxLength: 5 }).map((values) => serializeAmf0(...values));

export const AMF0_STRUCTURES: readonly Buffer[] = samples(amfValues);

/** Sizes of the chunks of each message are announced by the one before it. */
const rtmpMessages = fc
  .array(
    fc.record({
      csid: fc.constantFrom(2, 3, 63, 64, 319, 320, 65_599),
      typeId: fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 9, 15, 17, 18, 20, 22),
      streamId: fc.constantFrom(0, 1, 0xffffffff),
      time: fc.constantFrom(0, 1, 0xfffffe, 0xffffff, 0x1000000, 0xffffffff),
      body: fc.oneof(amfValues, bytes(400)),
      chunkSize: fc.constantFrom(1, 2, 128, 4096),
    }),
    { maxLength: 8 },
  )
  .map((messages) => {
    let chunkSize = 128;
    return Buffer.concat([
      Buffer.from([3]),
      Buffer.alloc(2 * 1536),
      ...messages.flatMap(({ csid, typeId, streamId, time, body, chunkSize: next }) => {
        const none = Buffer.alloc(0);
        const size = Buffer.alloc(4);
        size.writeUInt32BE(next);
        const message = chunkMessage(csid, typeId === 1 ? 9 : typeId, streamId, time, none, body, chunkSize);
        const change = chunkMessage(2, 1, 0, 0, none, size, chunkSize);
        chunkSize = next;
        return [message, change];
      }),
    ]);
  });

export const RTMP_STRUCTURES: readonly Buffer[] = samples(rtmpMessages);

/** NAL units of types that matter, of some bytes. */
const nalUnit = fc
  .record({ header: fc.constantFrom(0x65, 0x41, 0x67, 0x68, 0x09, 0x06, 0x01), rest: bytes(60) })
  .map(({ header, rest }) => Buffer.concat([Buffer.from([header]), rest]));
const stapA = fc
  .array(nalUnit, { maxLength: 4 })
  .map((units) => Buffer.concat([Buffer.from([0x78]), ...units.flatMap((unit) => [length16(unit), unit])]));
const fuA = fc
  .record({ flags: fc.constantFrom(0x80, 0x40, 0, 0xc0), type: fc.constantFrom(1, 5, 7, 8), rest: bytes(60) })
  .map(({ flags, type, rest }) => Buffer.concat([Buffer.from([0x7c, flags | type]), rest]));
const accessUnits = fc
  .array(bytes(40), { maxLength: 5 })
  .map((units) =>
    Buffer.concat([
      Buffer.from([0, 16 * units.length]),
      ...units.map((unit) => Buffer.from([unit.length >> 5, (unit.length << 3) & 0xff])),
      ...units,
    ]),
  );

const h265Unit = fc
  .record({ type: fc.constantFrom(0, 1, 19, 21, 32, 33, 34, 35, 39, 50), rest: bytes(60) })
  .map(({ type, rest }) => Buffer.concat([Buffer.from([type << 1, 1]), rest]));
const h265Aggregate = fc
  .array(h265Unit, { maxLength: 4 })
  .map((units) => Buffer.concat([Buffer.from([48 << 1, 1]), ...units.flatMap((unit) => [length16(unit), unit])]));
const h265Fragment = fc
  .record({ flags: fc.constantFrom(0x80, 0x40, 0, 0xc0), type: fc.constantFrom(1, 19, 33), rest: bytes(60) })
  .map(({ flags, type, rest }) => Buffer.concat([Buffer.from([49 << 1, 1, flags | type]), rest]));
/** Frames, each behind its length, as LATM has them. */
const latm = fc
  .array(bytes(300), { maxLength: 3 })
  .map((frames) =>
    Buffer.concat(
      frames.flatMap((frame) => [
        Buffer.alloc(Math.floor(frame.length / 255), 255),
        Buffer.from([frame.length % 255]),
        frame,
      ]),
    ),
  );

function length16(unit: Buffer): Buffer {
  return Buffer.from([unit.length >> 8, unit.length & 0xff]);
}

/** Payloads of the media that the first byte of an input chooses: H264 and AAC, H265 and Opus, LATM and H264. */
const PAYLOADS = [
  { first: fc.oneof(nalUnit, stapA, fuA), second: accessUnits },
  { first: fc.oneof(h265Unit, h265Aggregate, h265Fragment), second: bytes(60) },
  { first: latm, second: fc.oneof(nalUnit, stapA, fuA) },
];
/** Of the first medium and the second. */
const PAYLOAD_TYPES = [
  [96, 97],
  [96, 97],
  [97, 96],
] as const;

/** What there must be before a picture. */
const PARAMETER_SETS = ['6742c00dda0507faac0440000003004000000c83c50aa8', '68ce0fc8'].map((text) =>
  Buffer.from(text, 'hex'),
);
/** Pictures of as many NAL units as there may be, nearly all of a byte, and of one more. */
const MANY_UNITS = [MAX_NAL_UNITS, MAX_NAL_UNITS + 1].map((count) => [
  Buffer.from('65888421', 'hex'),
  ...Array<Buffer>(count - 1).fill(Buffer.from([0x65])),
]);

/** As many NAL units, parameter sets among them. */
function withParameterSets(units: readonly Buffer[]): Buffer[] {
  return [...PARAMETER_SETS, ...units.slice(0, -PARAMETER_SETS.length)];
}

export const FLV_STRUCTURES: readonly Buffer[] = MANY_UNITS.map((units) => {
  const [sps = Buffer.alloc(0), ...pps] = PARAMETER_SETS;
  const tracks = { ...NO_TRACKS, video: h264Track([sps], pps) };
  const muxer = flvFormats['codec-id-12'].createMuxer(tracks);
  const data = joinNalUnits(units);
  const picture = muxer.write({ kind: 'video', codec: 'H264', dts: 0, pts: 0, key: true, data });
  return Buffer.concat([flvFormats['codec-id-12'].preamble(tracks), muxer.header(), picture]);
});

/** In one STAP-A. */
const manyUnitsByRtp = MANY_UNITS.map((units) => {
  const parts = withParameterSets(units).flatMap((unit) => [length16(unit), unit]);
  const payload = Buffer.concat([Buffer.from([0x78]), ...parts]);
  const head = { marker: true, payloadType: 96, sequence: 1, timestamp: 0, ssrc: 1 };
  const packet = serializeRtpPacket({ ...head, payload });
  return Buffer.concat([Buffer.from([0, 0]), length16(packet), packet]);
});

/** Packets out of order and missing among them; each behind its channel and length. */
const rtpPackets = fc
  .nat(PAYLOADS.length - 1)
  .chain((media) => fc.tuple(fc.constant(media), packetsOf(PAYLOADS[media] ?? { first: bytes(9), second: bytes(9) })))
  .map(([media, packets]) => {
    let [sequence, timestamp] = [65_530, 0xffffff00];
    const records: Buffer[] = [Buffer.from([media])];
    for (const { of, step, ticks, marker, ssrc } of packets) {
      sequence = (sequence + step) & 0xffff;
      timestamp = (timestamp + ticks) >>> 0;
      const payloadType = PAYLOAD_TYPES[media]?.[of.place] ?? 0;
      const packet = serializeRtpPacket({ marker, payloadType, sequence, timestamp, ssrc, payload: of.payload });
      records.push(Buffer.from([2 * of.place]), length16(packet), packet);
    }
    return Buffer.concat(records);
  });

function packetsOf({ first, second }: { readonly first: fc.Arbitrary<Buffer>; readonly second: fc.Arbitrary<Buffer> }) {
  return fc.array(
    fc.record({
      of: fc.oneof(
        first.map((payload) => ({ place: 0 as const, payload })),
        second.map((payload) => ({ place: 1 as const, payload })),
      ),
      step: fc.constantFrom(0, 1, 1, 1, 2, -1, 40, 5000),
      ticks: fc.constantFrom(0, 0, 3000, 1024, 0x7fffffff, -3000),
      marker: fc.boolean(),
      ssrc: fc.constantFrom(1, 1, 1, 1, 2),
    }),
    { maxLength: 40, size: 'max' },
  );
}

export const RTP_STRUCTURES: readonly Buffer[] = [...samples(rtpPackets), ...manyUnitsByRtp];

/** Byte streams of some NAL units. */
const annexB = fc
  .array(nalUnit, { maxLength: 4 })
  .map((units) => Buffer.concat(units.flatMap((unit) => [Buffer.from([0, 0, 0, 1]), unit])));
const adts = fc
  .array(bytes(40), { maxLength: 3 })
  .map((frames) => Buffer.concat(frames.flatMap((frame) => [adtsHeader(ADTS_TRACK, frame.length), frame])));
const ticks = fc.constantFrom(null, 0, 3600, 90_000, 2 ** 33 - 1);
const mapEntry = fc
  .record({ type: fc.constantFrom(0x1b, 0x24, 0x0f, 0x90, 0x91, 0x03), id: fc.constantFrom(0xe0, 0xe1, 0xc0, 0xc1) })
  .map(({ type, id }) => Buffer.from([type, id, 0, 0]));
const programMap = fc.array(mapEntry, { maxLength: 3 }).map((entries) => {
  const head = Buffer.from([0xe0, 0xff, 0, 0, 0, 4 * entries.length]);
  return lengthPacket(0xbc, Buffer.concat([head, ...entries, Buffer.alloc(4)]));
});
const packet = fc
  .record({
    id: fc.constantFrom(0xe0, 0xe0, 0xe1, 0xc0, 0xc0, 0xc1, 0xbd, 0xbe),
    payload: fc.oneof(annexB, adts, bytes(60)),
    ...{ pts: ticks, dts: ticks, isOpen: fc.boolean() },
  })
  .map(({ id, payload, pts, dts, isOpen }) => pesPacket(id, payload, pts, dts ?? pts, isOpen && id >= 0xe0));
const pack = fc.constantFrom(packHeader(0), packHeader(90_000, 5));

const manyUnitsInPs = MANY_UNITS.map((units) => {
  const stream = withParameterSets(units).flatMap((unit) => [Buffer.from([0, 0, 1]), unit]);
  const map = programStreamMap({ video: 'h264', audio: null });
  return Buffer.concat([packHeader(0), map, pesPacket(0xe0, Buffer.concat(stream), 0)]);
});

export const PS_STRUCTURES: readonly Buffer[] = [
  ...samples(
    fc.array(fc.oneof(packet, packet, packet, pack, programMap), { maxLength: 30, size: 'max' }).map((parts) =>
      // a stream begins with a pack
      Buffer.concat([packHeader(0), ...parts]),
    ),
  ),
  ...manyUnitsInPs,
];
