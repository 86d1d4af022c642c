/** Parameter sets in band: when there is a track, and when it is another. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { h264Track } from './avc.ts';
import { h265Track } from './hevc.ts';
import { ParameterSets } from './parameter-sets.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const SPS = hex('6742c00dda0507faac0440000003004000000c83c50aa8');
const OTHER_SPS = hex('6764000df3650507fef016c80000030008000003019078a14cb0');
const PPS = hex('68ebe3cb22c0');
const OTHER_PPS = hex('68ce0fc8');
const SLICE = hex('65888421');

describe('parameter sets', () => {
  it('make a track once there is one of each kind, and none of what is the same', () => {
    const sets = new ParameterSets('H264');
    assert.equal(sets.track, null);
    assert.equal(sets.adopt([SPS]), false);
    assert.equal(sets.adopt([PPS, SLICE]), true);
    assert.deepEqual(sets.track, h264Track([SPS], [PPS]));
    assert.equal(sets.adopt([SPS, PPS, SLICE]), false);
    assert.equal(sets.adopt([SPS, SPS, PPS, PPS, SLICE]), false);
    assert.equal(sets.adopt([]), false);
  });

  it('come on top where there is no SPS among them, and in place of the others where there is one', () => {
    const sets = new ParameterSets('H264');
    sets.adopt([SPS, PPS]);
    assert.equal(sets.adopt([OTHER_PPS]), true);
    assert.deepEqual(sets.track, h264Track([SPS], [PPS, OTHER_PPS]));
    assert.equal(sets.adopt([OTHER_SPS, OTHER_PPS]), true);
    assert.deepEqual(sets.track, h264Track([OTHER_SPS], [OTHER_PPS]));
    for (let i = 0; i < 100; i++) sets.adopt([Buffer.from([0x68, i])]);
    assert.equal(sets.track?.pps.length, 64);
  });

  it('that no configuration record can hold are passed over', () => {
    const sets = new ParameterSets('H264');
    assert.equal(sets.adopt([hex('6742c0'), PPS]), false);
    assert.equal(sets.track, null);
    assert.equal(sets.adopt([hex('67'), SPS, Buffer.alloc(65_536, 0x68)]), true);
    assert.deepEqual(sets.track, h264Track([SPS], [PPS]));
  });

  it('are bounded, however many come at once', () => {
    const sets = new ParameterSets('H264');
    const many = Array.from({ length: 200_000 }, (_, i) => Buffer.from([0x68, i & 0xff, (i >> 8) & 0xff, i >> 16]));
    assert.equal(sets.adopt([SPS, ...many]), true);
    assert.deepEqual(sets.track, h264Track([SPS], many.slice(-64)));
  });

  it('that no configuration record can hold are left out', () => {
    const sets = new ParameterSets('H264');
    const [largest, larger] = [0xffff, 0x10000].map((bytes) => Buffer.alloc(bytes, 0x68));
    assert.ok(largest !== undefined && larger !== undefined);
    assert.equal(sets.adopt([SPS, largest, larger]), true);
    assert.deepEqual(sets.track, h264Track([SPS], [largest]));
  });

  it('of H265 want a VPS, too', () => {
    const vps = hex('40010c01');
    const sps = hex('42010101');
    const pps = hex('4401c172');
    const sets = new ParameterSets('H265');
    assert.equal(sets.adopt([sps, pps]), false);
    assert.equal(sets.adopt([vps]), true);
    assert.deepEqual(sets.track, h265Track([vps], [sps], [pps]));
  });
});
