/** The receiver of one publication: what it tells and when, and what it counts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { RtpMedia } from './media.ts';
import { serializeRtpPacket } from './packet.ts';
import { type ReceiverEvent, RtpReceiver } from './receiver.ts';
import { parseRtcp, serializeSenderReport } from './rtcp.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const SPS = hex('6742c00dda0507faac0440000003004000000c83c50aa8');
const PPS = hex('68ce0fc8');
const IDR = hex('65888421');
const P = hex('41e02215');
const VIDEO: RtpMedia = {
  kind: 'video',
  codec: 'H264',
  encoding: 'H264',
  payloadType: 96,
  clockRate: 90_000,
  channels: 1,
  fmtp: { 'sprop-parameter-sets': `${SPS.toString('base64')},${PPS.toString('base64')}` },
};
const IN_BAND: RtpMedia = { ...VIDEO, fmtp: {} };
const AUDIO: RtpMedia = {
  kind: 'audio',
  codec: 'PCMA',
  encoding: 'PCMA',
  payloadType: 8,
  clockRate: 8000,
  channels: 1,
  fmtp: {},
};

function rtp(media: RtpMedia, sequence: number, ms: number, payload: Buffer, ssrc = 7): Buffer {
  const timestamp = Math.round((ms * media.clockRate) / 1000);
  return serializeRtpPacket({ marker: true, payloadType: media.payloadType, sequence, timestamp, ssrc, payload });
}

function report(media: RtpMedia, unixMs: number, ms: number): Buffer {
  const rtpTimestamp = Math.round((ms * media.clockRate) / 1000);
  return serializeSenderReport({ ssrc: 7, unixMs, rtpTimestamp, packets: 0, octets: 0 }, 'x');
}

function drain(receiver: RtpReceiver): ReceiverEvent[] {
  const events: ReceiverEvent[] = [];
  for (let event = receiver.next(); event !== null; event = receiver.next()) events.push(event);
  return events;
}

/** Each event in a word or two. */
function say(receiver: RtpReceiver): string[] {
  return drain(receiver).map((event) => {
    if (event.kind === 'tracks') return `tracks ${event.tracks.video?.codec} ${event.tracks.audio?.codec}`;
    if (event.kind === 'frame') return `${event.frame.kind} ${event.frame.pts}`;
    return event.kind === 'rtcp' ? `rtcp ${event.mediaIndex}` : `${event.kind}: ${event.message}`;
  });
}

describe('the receiver', () => {
  it('tells the tracks before the first frame, where the session description has them', () => {
    const receiver = new RtpReceiver({ media: [VIDEO, AUDIO], isOrdered: true });
    assert.deepEqual(say(receiver), []);
    receiver.pushRtp(1, rtp(AUDIO, 1, 0, P), 0);
    receiver.pushRtp(0, rtp(VIDEO, 1, 0, IDR), 20);
    receiver.pushRtp(1, rtp(AUDIO, 2, 20, P), 20);
    assert.deepEqual(say(receiver), ['tracks H264 PCMA', 'audio 1000', 'video 1020', 'audio 1020']);
    assert.deepEqual(receiver.stats, { packets: 3, lost: 0, reordered: 0, duplicate: 0, droppedFrames: 0 });
  });

  it('waits with audio for parameter sets in band, and begins with the picture', () => {
    const receiver = new RtpReceiver({ media: [IN_BAND, AUDIO], isOrdered: true });
    receiver.pushRtp(1, rtp(AUDIO, 1, 0, P), 0);
    receiver.pushRtp(0, rtp(IN_BAND, 1, 0, P), 0);
    receiver.pushRtp(1, rtp(AUDIO, 2, 1000, P), 1000);
    assert.deepEqual(say(receiver), []);
    for (const [sequence, unit] of [SPS, PPS, IDR].entries()) {
      receiver.pushRtp(0, rtp(IN_BAND, 2 + sequence, 1000, unit), 1000);
    }
    receiver.pushRtp(1, rtp(AUDIO, 3, 1020, P), 1020);
    assert.deepEqual(say(receiver), ['tracks H264 PCMA', 'video 1000', 'audio 1020']);
  });

  it('does not wait for them for ever, and tells the tracks again', () => {
    const receiver = new RtpReceiver({ media: [IN_BAND, AUDIO], isOrdered: true });
    receiver.pushRtp(1, rtp(AUDIO, 1, 0, P), 0);
    receiver.pushRtp(1, rtp(AUDIO, 2, 1980, P), 1980);
    assert.deepEqual(say(receiver), []);
    receiver.pushRtp(1, rtp(AUDIO, 3, 2000, P), 2000);
    assert.deepEqual(say(receiver), ['tracks undefined PCMA', 'audio 1000']);
    for (const [sequence, unit] of [SPS, PPS, IDR].entries()) {
      receiver.pushRtp(0, rtp(IN_BAND, 1 + sequence, 0, unit), 2040);
    }
    assert.deepEqual(say(receiver), ['tracks H264 PCMA', 'video 1040']);
  });

  it('puts UDP packets in order, and gives up after the time that was set', () => {
    const receiver = new RtpReceiver({ media: [VIDEO, AUDIO], isOrdered: false, reorderMs: 50 });
    for (const [sequence, nowMs] of [
      [1, 0],
      [3, 10],
      [2, 20],
      [6, 30],
    ] as const) {
      receiver.pushRtp(1, rtp(AUDIO, sequence, sequence * 20, P), nowMs);
    }
    assert.deepEqual(say(receiver), ['tracks H264 PCMA', 'audio 1000', 'audio 1020', 'audio 1040']);
    receiver.tick(79);
    assert.deepEqual(say(receiver), []);
    receiver.tick(80);
    assert.deepEqual(say(receiver), ['audio 1100']);
    assert.deepEqual(receiver.stats, { packets: 4, lost: 2, reordered: 1, duplicate: 0, droppedFrames: 0 });
  });

  it('counts pictures that a loss takes with it', () => {
    const receiver = new RtpReceiver({ media: [VIDEO], isOrdered: true });
    for (const [sequence, unit] of [
      [1, IDR],
      [2, P],
      [4, P],
      [5, P],
      [6, IDR],
    ] as const) {
      receiver.pushRtp(0, rtp(VIDEO, sequence, sequence * 40, unit), sequence * 40);
    }
    assert.deepEqual(say(receiver), ['tracks H264 undefined', 'video 1000', 'video 1040', 'video 1200']);
    assert.deepEqual(receiver.stats, { packets: 5, lost: 1, reordered: 0, duplicate: 0, droppedFrames: 2 });
  });

  it('goes on where the sender begins anew', () => {
    const receiver = new RtpReceiver({ media: [VIDEO], isOrdered: true });
    receiver.pushRtp(0, rtp(VIDEO, 1, 0, IDR), 0);
    receiver.pushRtp(0, rtp(VIDEO, 2, 40, P), 40);
    receiver.pushRtp(0, rtp(VIDEO, 40_000, 9_000_000, IDR, 99), 2000);
    receiver.pushRtp(0, rtp(VIDEO, 40_001, 9_000_040, P, 99), 2040);
    const events = say(receiver);
    assert.deepEqual(events.slice(0, 3), ['tracks H264 undefined', 'video 1000', 'video 1040']);
    assert.equal(events.length, 5);
    assert.match(events[3] ?? '', /^video 30[0-4]\d/);
  });

  it('puts sound and pictures where the sender reports say', () => {
    const receiver = new RtpReceiver({ media: [VIDEO, AUDIO], isOrdered: true });
    const noon = 1_800_000_000_000;
    receiver.pushRtcp(0, report(VIDEO, noon, 5000), 0);
    receiver.pushRtcp(1, report(AUDIO, noon, 9000), 0);
    receiver.pushRtp(0, rtp(VIDEO, 1, 5000, IDR), 0);
    receiver.pushRtp(1, rtp(AUDIO, 1, 9100, P), 0);
    assert.deepEqual(say(receiver), ['tracks H264 PCMA', 'video 1000', 'audio 1100']);
  });

  it('reports on each medium that has come, about every 5 s', () => {
    const receiver = new RtpReceiver({ media: [VIDEO, AUDIO], isOrdered: true });
    receiver.tick(0);
    receiver.pushRtp(0, rtp(VIDEO, 1, 0, IDR), 1000);
    receiver.pushRtcp(0, report(VIDEO, 1_800_000_000_000, 0), 2000);
    receiver.pushRtp(0, rtp(VIDEO, 4, 40, IDR), 1040);
    receiver.tick(5999);
    assert.ok(drain(receiver).every(({ kind }) => kind !== 'rtcp'));
    receiver.tick(6000);
    const [event, ...others] = drain(receiver);
    assert.ok(event?.kind === 'rtcp' && event.mediaIndex === 0 && others.length === 0);
    const packets = parseRtcp(event.bytes);
    assert.ok(!('problem' in packets));
    const [first, sdes] = packets;
    assert.ok(first?.type === 'receiver-report' && sdes?.type === 'other');
    const [block] = first.blocks;
    assert.deepEqual(
      [block?.ssrc, block?.cumulativeLost, block?.highestSequence, block?.delaySinceLast],
      [7, 2, 4, 4 * 65_536],
    );
    receiver.tick(10_999);
    assert.deepEqual(say(receiver), []);
    receiver.tick(11_000);
    assert.deepEqual(say(receiver), ['rtcp 0']);
  });

  it('tells what is wrong once a second, and goes on', () => {
    const receiver = new RtpReceiver({ media: [VIDEO, AUDIO], isOrdered: true });
    receiver.pushRtp(0, Buffer.from('no'), 0);
    receiver.pushRtp(0, rtp({ ...VIDEO, payloadType: 97 }, 1, 0, IDR), 10);
    receiver.pushRtcp(0, hex('80c9ffff'), 20);
    receiver.pushRtp(0, rtp(VIDEO, 1, 0, IDR), 30);
    receiver.pushRtp(0, rtp({ ...VIDEO, payloadType: 97 }, 1, 0, IDR), 1000);
    assert.deepEqual(
      say(receiver),
      [
        'problem: an RTP packet of 2 bytes, its header alone has 12',
        'tracks H264 undefined',
        'video 1000',
        'problem: video: an RTP packet of payload type 97, not 96 (and 2 more before it)',
      ].map((line) => line.replace('undefined', 'PCMA')),
    );
  });

  it('leaves out media that it does not read', () => {
    const mp3: RtpMedia = { ...AUDIO, codec: 'MP3', encoding: 'MPA', payloadType: 14 };
    const receiver = new RtpReceiver({ media: [mp3, VIDEO, VIDEO], isOrdered: true });
    receiver.pushRtp(0, rtp(mp3, 1, 0, P), 0);
    receiver.pushRtp(1, rtp(VIDEO, 1, 0, IDR), 0);
    receiver.pushRtp(2, rtp(VIDEO, 1, 0, IDR), 0);
    receiver.pushRtp(9, rtp(VIDEO, 1, 0, IDR), 0);
    assert.deepEqual(say(receiver), ['problem: audio: MPA is not read', 'tracks H264 undefined', 'video 1000']);
  });

  it('refuses a clock that stands still', () => {
    const receiver = new RtpReceiver({ media: [{ ...AUDIO, clockRate: 0 }], isOrdered: true });
    receiver.pushRtp(0, rtp(AUDIO, 1, 0, P), 0);
    assert.deepEqual(say(receiver), ['problem: audio: a clock rate of 0 Hz']);
  });

  it('tells the bit rate that is declared of all media; that of audio alone says nothing of video', () => {
    for (const [video, audio, kbits] of [
      [2000, 64, 2064],
      [2000, undefined, 2000],
      [undefined, 64, undefined],
      [undefined, undefined, undefined],
    ] as const) {
      const rate = (declaredKbits: number | undefined) => (declaredKbits === undefined ? {} : { declaredKbits });
      const media = [
        { ...VIDEO, ...rate(video) },
        { ...AUDIO, ...rate(audio) },
      ];
      const receiver = new RtpReceiver({ media, isOrdered: true });
      receiver.pushRtp(0, rtp(VIDEO, 1, 0, IDR), 0);
      const [event] = drain(receiver);
      assert.ok(event?.kind === 'tracks' && event.tracks.video !== null);
      assert.equal(event.tracks.declaredKbits, kbits);
    }
    const alone = new RtpReceiver({ media: [{ ...AUDIO, declaredKbits: 64 }], isOrdered: true });
    alone.pushRtp(0, rtp(AUDIO, 1, 0, P), 0);
    const [event] = drain(alone);
    assert.ok(event?.kind === 'tracks' && event.tracks.declaredKbits === 64);
  });

  it('tells each access unit of too many NAL units, however many come in a second', () => {
    const receiver = new RtpReceiver({ media: [VIDEO], isOrdered: true });
    const units = Buffer.concat([Buffer.from([0x18, 0, IDR.length]), IDR, Buffer.alloc(3 * 9000, hex('000141'))]);
    for (let i = 0; i < 3; i++) receiver.pushRtp(0, rtp(VIDEO, i, 40 * i, units), 40 * i);
    receiver.pushRtp(0, rtp(VIDEO, 3, 120, IDR), 120);
    const excess = 'excess: video: an access unit of more than 8192 NAL units';
    assert.deepEqual(say(receiver), [excess, excess, excess, 'tracks H264 undefined', 'video 1000']);
  });

  it('keeps its promises whatever comes', () => {
    const packet = fc.record({
      index: fc.nat(2),
      isRtcp: fc.boolean(),
      sequence: fc.nat(40),
      timestamp: fc.oneof(fc.nat(20), fc.nat(0xffffffff)),
      marker: fc.boolean(),
      payload: fc.uint8Array({ maxLength: 12 }),
      raw: fc.nat(4),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 60 }), fc.boolean(), (packets, isOrdered) => {
        const receiver = new RtpReceiver({ media: [VIDEO, AUDIO], isOrdered });
        let now = 0;
        for (const { index, isRtcp, sequence, timestamp, marker, payload, raw } of packets) {
          now += 10;
          const payloadType = index === 0 ? 96 : 8;
          const body = Buffer.from(payload);
          const bytes =
            raw === 0 ? body : serializeRtpPacket({ marker, payloadType, sequence, timestamp, ssrc: 7, payload: body });
          if (isRtcp) receiver.pushRtcp(index, bytes, now);
          else receiver.pushRtp(index, bytes, now);
          receiver.tick(now);
        }
        receiver.end();
        let begun = false;
        for (const event of drain(receiver)) {
          if (event.kind === 'tracks') begun = true;
          if (event.kind !== 'frame') continue;
          assert.ok(begun, 'a frame before the tracks');
          assert.ok(event.frame.dts <= event.frame.pts && Number.isFinite(event.frame.dts));
        }
      }),
    );
  });
});
