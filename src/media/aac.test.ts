/** AAC: AudioSpecificConfig and ADTS. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AudioSpecificConfig } from './aac.ts';
import {
  aacTrack,
  adtsHeader,
  parseAdtsHeader,
  parseAudioSpecificConfig,
  serializeAudioSpecificConfig,
} from './aac.ts';
import { CodecError } from './codec-error.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const LC: AudioSpecificConfig = {
  objectType: 2,
  sampleRate: 44100,
  channelConfiguration: 2,
  channels: 2,
  samplesPerFrame: 1024,
  extension: null,
};

const CASES: readonly { name: string; bytes: string; config: AudioSpecificConfig }[] = [
  { name: 'LC 44.1 kHz stereo', bytes: '1210', config: LC },
  { name: 'LC 48 kHz 5.1', bytes: '11b0', config: { ...LC, sampleRate: 48000, channelConfiguration: 6, channels: 6 } },
  { name: '7.1', bytes: '11b8', config: { ...LC, sampleRate: 48000, channelConfiguration: 7, channels: 8 } },
  { name: '960 samples', bytes: '1214', config: { ...LC, samplesPerFrame: 960 } },
  { name: 'a rate that has no index', bytes: '17801f4010', config: { ...LC, sampleRate: 16_000 } },
  {
    name: 'SBR, hierarchical',
    bytes: '2b 92 08 00',
    config: {
      ...LC,
      sampleRate: 22050,
      extension: { signalling: 'hierarchical', sampleRate: 44100, parametricStereo: false },
    },
  },
  {
    name: 'SBR and PS, hierarchical',
    bytes: 'eb 8a 08 00',
    config: {
      ...LC,
      sampleRate: 22050,
      channelConfiguration: 1,
      channels: 1,
      extension: { signalling: 'hierarchical', sampleRate: 44100, parametricStereo: true },
    },
  },
  {
    name: 'SBR, backward compatible',
    bytes: '13 90 56 e5 a0',
    config: {
      ...LC,
      sampleRate: 22050,
      extension: { signalling: 'compatible', sampleRate: 44100, parametricStereo: false },
    },
  },
  {
    name: 'SBR and PS, backward compatible',
    bytes: '13 88 56 e5 a5 48 80',
    config: {
      ...LC,
      sampleRate: 22050,
      channelConfiguration: 1,
      channels: 1,
      extension: { signalling: 'compatible', sampleRate: 44100, parametricStereo: true },
    },
  },
];

describe('AudioSpecificConfig', () => {
  for (const { name, bytes, config } of CASES) {
    it(`reads ${name}`, () => assert.deepEqual(parseAudioSpecificConfig(hex(bytes)), config));
    // the rate of the escape case has an index after all, so it is written by that
    if (name !== 'a rate that has no index') {
      it(`writes ${name}`, () => assert.deepEqual(serializeAudioSpecificConfig(config), hex(bytes)));
    }
  }

  it('gives back any configuration that it wrote', () => {
    const rate = fc.oneof(fc.constantFrom(8000, 22050, 44100, 48000, 96000), fc.integer({ min: 1, max: 0xffffff }));
    const extension = fc.record(
      {
        signalling: fc.constantFrom('hierarchical' as const, 'compatible' as const),
        sampleRate: rate,
        parametricStereo: fc.boolean(),
      },
      { noNullPrototype: true },
    );
    const any = fc.record({
      objectType: fc.integer({ min: 1, max: 4 }),
      sampleRate: rate,
      channelConfiguration: fc.integer({ min: 1, max: 7 }),
      samplesPerFrame: fc.constantFrom(1024 as const, 960 as const),
      extension: fc.option(extension),
    });
    fc.assert(
      fc.property(any, (fields) => {
        const config = { ...fields, channels: fields.channelConfiguration === 7 ? 8 : fields.channelConfiguration };
        assert.deepEqual(parseAudioSpecificConfig(serializeAudioSpecificConfig(config)), config);
      }),
    );
  });

  it('counts the channels of a program_config_element', () => {
    // LC, 48 kHz, configuration 0; PCE: one front pair, one front single, one back pair, one LFE
    const bits = `00010 0011 0000 0 0 0 0000 01 0011 0010 0000 0001 01 000 0000 0 0 0 1 0000 0 0000 1 0000 0000`;
    const packed = bits.replaceAll(' ', '');
    const padded = packed.padEnd(Math.ceil(packed.length / 8) * 8, '0');
    const bytes = (padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
    assert.equal(parseAudioSpecificConfig(Buffer.from([...bytes, 0])).channels, 6);
  });

  it('refuses what is cut or reserved, and what it cannot write', () => {
    assert.throws(() => parseAudioSpecificConfig(hex('12')), CodecError);
    assert.throws(() => parseAudioSpecificConfig(hex('1690')), { value: 13, limit: 12 });
    assert.throws(() => serializeAudioSpecificConfig({ ...LC, channelConfiguration: 0 }), CodecError);
    assert.throws(() => serializeAudioSpecificConfig({ ...LC, objectType: 39 }), CodecError);
    assert.throws(() => serializeAudioSpecificConfig({ ...LC, sampleRate: 2 ** 24 }), { value: 2 ** 24 });
  });

  it('ends in a result or a CodecError, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        for (const parse of [parseAudioSpecificConfig, parseAdtsHeader]) {
          try {
            parse(Buffer.from(bytes));
          } catch (error) {
            assert.ok(error instanceof CodecError, String(error));
          }
        }
      }),
    );
  });
});

describe('ADTS', () => {
  it('says what the track says', () => {
    assert.deepEqual(aacTrack(hex('1210')), {
      kind: 'audio',
      codec: 'AAC',
      config: hex('1210'),
      sampleRate: 44100,
      channels: 2,
    });
    assert.deepEqual(adtsHeader(aacTrack(hex('1210')), 371), hex('fff1 50 80 2f 5f fc'));
  });

  it('gives back length and configuration', () => {
    const configuration = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat(12), fc.integer({ min: 1, max: 7 }));
    fc.assert(
      fc.property(configuration, fc.nat(8184), ([objectType, index, channels], length) => {
        const word = (objectType << 11) | (index << 7) | (channels << 3);
        const config = Buffer.from([word >> 8, word & 0xff]);
        const header = parseAdtsHeader(adtsHeader(aacTrack(config), length));
        assert.deepEqual(header, { headerLength: 7, frameLength: length + 7, config, rawDataBlocks: 1 });
      }),
    );
  });

  it('uses the core of an SBR configuration', () => {
    assert.deepEqual(parseAdtsHeader(adtsHeader(aacTrack(hex('2b920800')), 10)).config, hex('1390'));
  });

  it('refuses what it cannot express or read', () => {
    const track = aacTrack(hex('1210'));
    assert.throws(() => adtsHeader(track, 8185), { name: 'CodecError', value: 8192, limit: 8191 });
    const odd = serializeAudioSpecificConfig({ ...LC, sampleRate: 12345 });
    assert.throws(() => adtsHeader(aacTrack(odd), 1), { name: 'CodecError', value: 12345 });
    const wide = serializeAudioSpecificConfig({ ...LC, channelConfiguration: 11 });
    assert.throws(() => adtsHeader(aacTrack(wide), 1), { name: 'CodecError', value: 11, limit: 7 });
    assert.throws(() => parseAdtsHeader(hex('fff15080')), { value: 4, limit: 7 });
    assert.throws(() => parseAdtsHeader(hex('fef150802f5ffc')), CodecError);
    assert.throws(() => parseAdtsHeader(hex('fff150800000fc')), { value: 0, limit: 7 });
    assert.equal(parseAdtsHeader(hex('fff050802f5ffc')).headerLength, 9);
  });
});
