/** PAT and PMT: what ffmpeg wrote is read, what is written is read again, what is broken is told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32Mpeg2 } from './crc32.ts';
import { checkSection, opusChannels, opusDescriptors, parsePat, parsePmt, serializePat, serializePmt } from './psi.ts';
import { SectionAssembler } from './section.ts';

const NONE = Buffer.alloc(0);
const MAP = {
  version: 31,
  pcrPid: 0x100,
  streams: [
    { streamType: 0x1b, pid: 0x100, descriptors: NONE },
    { streamType: 0x06, pid: 0x101, descriptors: opusDescriptors(2) },
  ],
};

function sectionOf(packet: Buffer): Buffer {
  return packet.subarray(5, 8 + (packet.readUInt16BE(6) & 0xfff));
}

/** A section with a right CRC around this body. */
function section(tableId: number, body: Buffer): Buffer {
  const head = Buffer.from([tableId, 0xb0, 0, 0, 1, 0xc1, 0, 0]);
  head.writeUInt16BE(0xb000 | (5 + body.length + 4), 1);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32Mpeg2(Buffer.concat([head, body])));
  return Buffer.concat([head, body, crc]);
}

describe('tables', () => {
  it('of ffmpeg are read', () => {
    // ffmpeg -f mpegts: program 1 at PID 4096, MPEG-2 CRC by its own code
    const pat = Buffer.from('00b00d0001c100000001f0002ab104b2', 'hex');
    assert.equal(checkSection(pat), null);
    assert.equal(parsePat(pat), 0x1000);
  });

  it('come back as they were written', () => {
    const pat = sectionOf(serializePat(0x1234));
    assert.equal(checkSection(pat), null);
    assert.equal(parsePat(pat), 0x1234);
    const pmt = sectionOf(serializePmt(0x1000, MAP));
    assert.equal(checkSection(pmt), null);
    assert.deepEqual(parsePmt(pmt), MAP);
    assert.equal(parsePmt(pat), null);
    assert.equal(parsePat(pmt), null);
  });

  it('of one program are what ffmpeg writes, byte by byte', () => {
    assert.equal(sectionOf(serializePat(0x1000)).toString('hex'), '00b00d0001c100000001f0002ab104b2');
  });

  it('that are not yet in force or whose lengths do not fit are none', () => {
    const next = Buffer.from(sectionOf(serializePat(0x1000)));
    next[5] = 0xc0;
    assert.equal(parsePat(next), null);
    assert.equal(parsePmt(section(2, Buffer.from('e100f0001be100f0ff', 'hex'))), null);
    assert.equal(parsePmt(section(2, Buffer.from('e100f0001be1', 'hex'))), null);
    assert.equal(parsePmt(section(2, Buffer.from('e100ffff', 'hex'))), null);
    assert.equal(parsePmt(section(2, NONE)), null);
    // only the network information table
    assert.equal(parsePat(section(0, Buffer.from('0000e010', 'hex'))), null);
  });

  it('with a bit changed are told by their CRC', () => {
    const pmt = sectionOf(serializePmt(0x1000, MAP));
    for (let at = 0; at < pmt.length; at++) {
      const broken = Buffer.from(pmt);
      broken[at] = (broken[at] ?? 0) ^ 0x10;
      assert.equal(checkSection(broken), 'section CRC is wrong');
    }
    assert.equal(checkSection(pmt.subarray(0, 11)), 'section is cut short');
  });
});

describe('Opus descriptors', () => {
  it('tell the channels, and that it is Opus', () => {
    for (let channels = 1; channels <= 8; channels++) assert.equal(opusChannels(opusDescriptors(channels)), channels);
    assert.equal(opusChannels(Buffer.from('05044f707573', 'hex')), 2);
    assert.equal(opusChannels(Buffer.from('050441432d33', 'hex')), null);
    assert.equal(opusChannels(Buffer.from('05ff4f', 'hex')), null);
    assert.equal(opusChannels(NONE), null);
  });
});

describe('sections in packets', () => {
  const one = section(2, Buffer.alloc(300, 1));
  const two = section(2, Buffer.alloc(20, 2));

  it('go over packets, follow each other, and end in stuffing', () => {
    const assembler = new SectionAssembler();
    const rest = Buffer.concat([one.subarray(183), two, Buffer.alloc(20, 0xff)]);
    assert.deepEqual(assembler.push(Buffer.concat([Buffer.from([0]), one.subarray(0, 183)]), true), []);
    assert.deepEqual(assembler.push(rest, false), [one, two]);
    assert.deepEqual(assembler.push(Buffer.alloc(184, 0xff), false), []);
  });

  it('end before the one that pointer_field points at', () => {
    const assembler = new SectionAssembler();
    assembler.push(Buffer.concat([Buffer.from([0]), one.subarray(0, 183)]), true);
    const tail = one.subarray(183);
    assert.deepEqual(assembler.push(Buffer.concat([Buffer.from([tail.length]), tail, two]), true), [one, two]);
  });

  it('are waited for after a loss or a join in the middle', () => {
    const assembler = new SectionAssembler();
    assert.deepEqual(assembler.push(one.subarray(100), false), []);
    assembler.push(Buffer.concat([Buffer.from([0]), one.subarray(0, 183)]), true);
    assembler.reset();
    assert.deepEqual(assembler.push(one.subarray(183), false), []);
    assert.deepEqual(assembler.push(Buffer.concat([Buffer.from([0]), two]), true), [two]);
  });

  it('that are broken are values', () => {
    const assembler = new SectionAssembler();
    assert.deepEqual(assembler.push(Buffer.from([200, 0, 0]), true), ['section is cut short']);
    assert.deepEqual(assembler.push(Buffer.from([0, 2, 0xbf, 0xff]), true), ['section is too long']);
    assert.deepEqual(assembler.push(Buffer.from([0, 2, 0xb0, 0x01, 0]), true), ['section is cut short']);
  });
});
