/** Descriptions as ffmpeg, GStreamer and cameras write them, and what is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RtspError } from './error.ts';
import { MAX_MEDIA, parseSdp, sdpAttribute, sdpEncodingName, sdpRtpMedia, serializeLiveSdp } from './sdp.ts';

const FFMPEG = `v=0
o=- 0 0 IN IP4 127.0.0.1
s=No Name
c=IN IP4 127.0.0.1
t=0 0
a=tool:libavformat LIBAVFORMAT_VERSION
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LADdoFB+wEQAAAAwBAAAAPA8UKqA==,aM4PyA==; profile-level-id=42C00D
a=control:streamid=0
m=audio 0 RTP/AVP 97
b=AS:69
a=rtpmap:97 MPEG4-GENERIC/44100/1
a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=120856E500
a=control:streamid=1
`;

const GSTREAMER = `v=0
o=- 3437312405 1 IN IP4 127.0.0.1
s=Session streamed with GStreamer
i=rtspclientsink
t=0 0
a=tool:GStreamer
m=audio 0 RTP/AVP 96
c=IN IP4 0.0.0.0
a=rtpmap:96 MP4A-LATM/44100
a=fmtp:96 cpresent=0;config=40002410adca00
a=control:stream=1
a=ssrc:3232644719 cname:user3510619584@host-8aef84f9
m=video 0 RTP/AVP 99
c=IN IP4 0.0.0.0
b=AS:2097
a=rtpmap:99 H264/90000
a=framerate:30
a=fmtp:99 packetization-mode=1;sprop-parameter-sets=Z/QADZGWQFB+wFqDAwMgAAADACAAAAeR4oVJ,aOvMRIRA
a=control:stream=0
`;

/** No parameter sets, absolute controls, lines of the maker's own, static payload types, a medium of events. */
const CAMERA = `v=0
o=- 1001 1 IN IP4 192.168.1.64
s=Media Presentation

e=NONE
t=0 0
a=control:rtsp://192.168.1.64:554/Streaming/Channels/101/
m=video 0 RTP/AVP 96
b=AS:5000
a=recvonly
a=x-dimensions:1920,1080
a=control:rtsp://192.168.1.64:554/Streaming/Channels/101/trackID=1
a=rtpmap:96 H265/90000
a=fmtp:96
m=audio 0 RTP/AVP 8
a=recvonly
a=control:rtsp://192.168.1.64:554/Streaming/Channels/101/trackID=2
a=Media_header:MEDIAINFO=494D4B48010100000400010000000000;
m=application 0 RTP/AVP 107
a=control:rtsp://192.168.1.64:554/Streaming/Channels/101/trackID=3
a=rtpmap:107 vnd.onvif.metadata/90000
`;

for (const [name, newline] of [
  ['CRLF', '\r\n'],
  ['LF', '\n'],
  ['CR', '\r'],
] as const) {
  const parse = (text: string) => parseSdp(text.replaceAll('\n', newline));
  test(`ffmpeg's, with ${name}`, () => {
    const [video, audio] = parse(FFMPEG).media;
    assert.ok(video && audio);
    assert.deepEqual(sdpRtpMedia(video), {
      ...{ kind: 'video', codec: 'H264', encoding: 'H264', payloadType: 96, clockRate: 90_000, channels: 1 },
      fmtp: {
        'packetization-mode': '1',
        'sprop-parameter-sets': 'Z0LADdoFB+wEQAAAAwBAAAAPA8UKqA==,aM4PyA==',
        'profile-level-id': '42C00D',
      },
    });
    assert.equal(sdpAttribute(video, 'control'), 'streamid=0');
    const { encoding, clockRate, channels, fmtp } = sdpRtpMedia(audio) ?? {};
    assert.deepEqual([encoding, clockRate, channels, fmtp?.['config']], ['MPEG4-GENERIC', 44_100, 1, '120856E500']);
  });

  test(`GStreamer's, with ${name}`, () => {
    const { media } = parse(GSTREAMER);
    assert.deepEqual(
      media.map((each) => [sdpRtpMedia(each)?.encoding, sdpRtpMedia(each)?.payloadType, sdpAttribute(each, 'control')]),
      [
        ['MP4A-LATM', 96, 'stream=1'],
        ['H264', 99, 'stream=0'],
      ],
    );
  });

  test(`a camera's, with ${name}`, () => {
    const description = parse(CAMERA);
    assert.match(sdpAttribute(description, 'control') ?? '', /101\/$/);
    assert.deepEqual(
      description.media.map((each) => sdpRtpMedia(each)?.encoding ?? null),
      ['H265', 'PCMA', null],
    );
    assert.deepEqual(
      description.media.map((each) => sdpEncodingName(each)),
      ['H265', 'audio 8', 'vnd.onvif.metadata'],
    );
  });
}

const MEDIA: readonly (readonly [what: string, lines: string, encoding: string | null])[] = [
  ['G711 by its static type', 'm=audio 0 RTP/AVP 0', 'PCMU'],
  ['Opus with two channels', 'm=audio 5004 RTP/AVP 111\na=rtpmap:111 opus/48000/2', 'OPUS'],
  ['feedback', 'm=video 0 RTP/AVPF 96\na=rtpmap:96 H264/90000', 'H264'],
  ['a port range', 'm=video 5000/2 RTP/AVP 96\na=rtpmap:96 h264/90000', 'H264'],
  ['several types: the first', 'm=audio 0 RTP/AVP 8 0 101\na=rtpmap:101 telephone-event/8000', 'PCMA'],
  ['another type’s rtpmap', 'm=video 0 RTP/AVP 96\na=rtpmap:97 H264/90000', null],
  ['encrypted', 'm=video 0 RTP/SAVP 96\na=rtpmap:96 H264/90000', null],
  ['no RTP', 'm=video 0 udp mpeg', null],
  ['a type that no RTP has', 'm=video 0 RTP/AVP 128\na=rtpmap:128 H264/90000', null],
  ['no type', 'm=video 0 RTP/AVP', null],
  ['no clock', 'm=video 0 RTP/AVP 96\na=rtpmap:96 H264/0', null],
  ['audio that says it is video', 'm=video 0 RTP/AVP 8', null],
  ['an unknown codec', 'm=video 0 RTP/AVP 96\na=rtpmap:96 VP9/90000', null],
];
for (const [what, lines, encoding] of MEDIA) {
  test(`a medium: ${what}`, () => {
    const [media] = parseSdp(`v=0\n${lines}\n`).media;
    assert.ok(media);
    assert.equal(sdpRtpMedia(media)?.encoding ?? null, encoding);
  });
}

test('what is no description', () => {
  for (const text of ['', 'hello', 'm=video 0 RTP/AVP 96', 'v=0\nm=video', 'v=0\nm=video x RTP/AVP 96']) {
    assert.throws(() => parseSdp(text), RtspError, text);
  }
  const many = (count: number): string => `v=0\n${'m=audio 0 RTP/AVP 0\n'.repeat(count)}`;
  assert.equal(parseSdp(many(MAX_MEDIA)).media.length, MAX_MEDIA);
  assert.throws(() => parseSdp(many(MAX_MEDIA + 1)), /16 media that are allowed/);
});

test('the bandwidth of each medium, or the session’s where it says nothing', () => {
  const declared = (text: string) => parseSdp(text).media.map((each) => sdpRtpMedia(each)?.declaredKbits ?? null);
  assert.deepEqual(declared(FFMPEG), [null, 69]);
  assert.deepEqual(declared(GSTREAMER), [null, 2097]);
  assert.deepEqual(declared(CAMERA), [5000, null, null]);
  const video = 'm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n';
  const audio = 'm=audio 0 RTP/AVP 0\n';
  assert.deepEqual(declared(`v=0\nb=AS:3000\nt=0 0\n${video}${audio}b=AS:64\n`), [3000, 64]);
  assert.deepEqual(declared(`v=0\n${video}b=TIAS:2500500\n${audio}b=tias:64000\n`), [2500.5, 64]);
  for (const line of [
    'b=AS:0',
    'b=AS:7',
    'b=TIAS:7999',
    'b=CT:5000',
    'b=RR:800',
    'b=AS:x',
    'b=AS:-5000',
    'b=',
    'b=AS:',
  ]) {
    assert.deepEqual(declared(`v=0\n${video}${line}\n`), [null], line);
  }
});

test('ours is read again', () => {
  const media = parseSdp(FFMPEG.replace('b=AS:69\n', '')).media.flatMap((each) => sdpRtpMedia(each) ?? []);
  for (const [address, family] of [
    ['127.0.0.1', 'IP4'],
    ['::1', 'IP6'],
  ] as const) {
    const text = serializeLiveSdp(media, address).toString();
    assert.match(text, new RegExp(`^v=0\\r\\no=- 0 0 IN ${family} ${address}\\r\\n`));
    const again = parseSdp(text).media;
    assert.deepEqual(
      again.map((each) => sdpRtpMedia(each)),
      media,
    );
    assert.deepEqual(
      again.map((each) => sdpAttribute(each, 'control')),
      ['trackID=0', 'trackID=1'],
    );
  }
});

test('no text whatever makes it throw anything but its own error', () => {
  const piece = fc.constantFrom('v=0\n', 'm=video 0 RTP/AVP 96\n', 'a=rtpmap:96 H264/90000\n', 'a=fmtp:96 ;=;a', '\n');
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 30 })), { maxLength: 12 }), (pieces) => {
      try {
        for (const media of parseSdp(pieces.join('')).media) sdpRtpMedia(media);
      } catch (error) {
        assert.ok(error instanceof RtspError, String(error));
      }
    }),
  );
});
