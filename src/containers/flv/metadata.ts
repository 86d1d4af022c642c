/** onMetaData: what a script tag says of a stream (annex E.5), read and made. */
import { type AudioTrack, MIN_DECLARED_KBITS, type Tracks, type VideoTrack } from '../../media/index.ts';
import type { AmfValue } from './amf-value.ts';
import { Amf0Error, amfProperty } from './amf-value.ts';
import { parseAmf0, serializeAmf0 } from './amf0.ts';
import type { HevcTagging } from './video-tag.ts';

export const METADATA_NAME = 'onMetaData';

/** FourCCs are written as numbers, big endian (Enhanced RTMP v2, "Enhancing onMetaData"). */
const OPUS_FOUR_CC = 0x4f707573;
const HVC1_FOUR_CC = 0x68766331;
const VIDEO_CODEC_ID: Readonly<Record<VideoTrack['codec'], number>> = { H264: 7, H265: 12 };
const AUDIO_CODEC_ID: Readonly<Record<AudioTrack['codec'], number>> = {
  AAC: 10,
  MP3: 2,
  PCMA: 7,
  PCMU: 8,
  OPUS: OPUS_FOUR_CC,
};

/** The script tag's body for these tracks; what is not known is left out. `tracks.metadata` is not looked at. */
export function buildMetadata(tracks: Tracks, hevc: HevcTagging): Buffer {
  const { video, audio } = tracks;
  const properties = new Map<string, AmfValue>();
  if (video !== null) {
    if (video.width > 0 && video.height > 0) properties.set('width', video.width).set('height', video.height);
    const isNamed = video.codec === 'H265' && hevc === 'enhanced';
    properties.set('videocodecid', isNamed ? HVC1_FOUR_CC : VIDEO_CODEC_ID[video.codec]);
  }
  if (audio !== null) {
    properties.set('audiocodecid', AUDIO_CODEC_ID[audio.codec]);
    properties.set('audiosamplerate', audio.sampleRate);
    properties.set('stereo', audio.channels > 1);
  }
  return serializeAmf0(METADATA_NAME, { type: 'ecma-array', properties });
}

/**
 * The object or array of an onMetaData script tag's body; undefined where the body is another one's, or has none.
 * @throws Amf0Error where the body is not AMF0
 */
export function parseMetadata(body: Buffer): AmfValue {
  const [name, value] = parseAmf0(body);
  return name === METADATA_NAME ? value : undefined;
}

/** Which kinds of track the publisher's metadata promises; none where it cannot be read. */
export function declaredKinds(body: Buffer): { video: boolean; audio: boolean } {
  let value: AmfValue;
  try {
    value = parseMetadata(body);
  } catch (error) {
    if (!(error instanceof Amf0Error)) throw error;
  }
  return {
    video: isKindDeclared(value, 'hasVideo', 'videocodecid'),
    audio: isKindDeclared(value, 'hasAudio', 'audiocodecid'),
  };
}

/**
 * The bit rate that the publisher's metadata declares of video and audio together, in kbit/s; null where it declares none.
 * The rate of audio alone says nothing of a stream that has video.
 */
export function declaredKbits(metadata: AmfValue): number | null {
  const video = plausibleRate(amfProperty(metadata, 'videodatarate'));
  const audio = plausibleRate(amfProperty(metadata, 'audiodatarate'));
  if (video === 0 && (audio === 0 || isKindDeclared(metadata, 'hasVideo', 'videocodecid'))) return null;
  return video + audio;
}

/** 0 where it is none. */
function plausibleRate(value: AmfValue): number {
  return typeof value === 'number' && value >= MIN_DECLARED_KBITS ? value : 0;
}

function isKindDeclared(metadata: AmfValue, has: string, codecId: string): boolean {
  return isDeclared(amfProperty(metadata, has), amfProperty(metadata, codecId));
}

/** A codec id is a number or a name; 0 and '' name none that is carried. */
function isDeclared(has: AmfValue, codecId: AmfValue): boolean {
  if (typeof has === 'boolean') return has;
  return (typeof codecId === 'number' && codecId > 0) || (typeof codecId === 'string' && codecId !== '');
}
