/** The initialisation segment (ftyp, moov) of a fragmented file: what a decoder must know before the first fragment. */
import type { Tracks } from '../../media/index.ts';
import { box, fullBox, u8, u16, u32, zeros } from './box.ts';
import { type TrackFormat, trackFormat } from './track-format.ts';

export const TRACK_ID = { video: 1, audio: 2 } as const;
/** sample_is_non_sync_sample, and that it depends on others (ISO 14496-12 8.8.3.1). */
export const SAMPLE_NON_SYNC = 0x01010000;
/** Depends on no others. */
export const SAMPLE_SYNC = 0x02000000;

/** Ticks a second of the movie header, which nothing is measured in. */
const MOVIE_TIMESCALE = 1000;
const UNITY_MATRIX: Buffer = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
/** track_enabled, track_in_movie. */
const TRACK_FLAGS = 3;
/** The media are in the same file (8.7.2.3). */
const SELF_CONTAINED = 1;
/** `und`, in three times 5 bits (8.4.2.3). */
const LANGUAGE_UNDETERMINED = 0x55c4;

/** The tracks that a file can carry, video first. */
export function carriedFormats(tracks: Tracks): TrackFormat[] {
  return [tracks.video, tracks.audio].flatMap((track) => (track === null ? [] : (trackFormat(track) ?? [])));
}

/** The initialisation segment; null where no track can be carried. */
export function createFmp4Init(tracks: Tracks): Buffer | null {
  const formats = carriedFormats(tracks);
  if (formats.length === 0) return null;
  return Buffer.concat([
    // fragments whose offsets count from their moof (iso5), with a tfdt (iso6)
    box('ftyp', Buffer.from('iso6', 'latin1'), u32(0), Buffer.from('iso5iso6mp41', 'latin1')),
    box(
      'moov',
      movieHeader(),
      ...formats.map(trackBox),
      box('mvex', ...formats.map((format) => trackDefaults(format.kind))),
    ),
  ]);
}

/** The tracks' names for a `CODECS` attribute or a MIME type (RFC 6381), e.g. `avc1.64001f,mp4a.40.2`; may be empty. */
export function fmp4CodecStrings(tracks: Tracks): string {
  return carriedFormats(tracks)
    .map((format) => format.codecString)
    .join(',');
}

function movieHeader(): Buffer {
  return fullBox(
    'mvhd',
    0,
    0,
    u32(0, 0, MOVIE_TIMESCALE, 0), // created, modified, timescale, duration
    u32(0x10000), // rate 1
    u16(0x100), // volume 1
    zeros(10),
    UNITY_MATRIX,
    zeros(24),
    u32(TRACK_ID.audio + 1), // next_track_ID
  );
}

function trackBox(format: TrackFormat): Buffer {
  const video = format.kind === 'video';
  const header = fullBox(
    'tkhd',
    0,
    TRACK_FLAGS,
    u32(0, 0, TRACK_ID[format.kind], 0, 0), // created, modified, id, reserved, duration
    zeros(8),
    u16(0, 0, video ? 0 : 0x100, 0), // layer, alternate_group, volume
    UNITY_MATRIX,
    u32(format.width * 0x10000, format.height * 0x10000),
  );
  const mediaHeader = fullBox('mdhd', 0, 0, u32(0, 0, format.timescale, 0), u16(LANGUAGE_UNDETERMINED, 0));
  const handler = fullBox('hdlr', 0, 0, u32(0), Buffer.from(video ? 'vide' : 'soun', 'latin1'), zeros(12), u8(0));
  const kindHeader = video ? fullBox('vmhd', 0, 1, zeros(8)) : fullBox('smhd', 0, 0, zeros(4));
  const dataInformation = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, SELF_CONTAINED)));
  const sampleTable = box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), format.sampleEntry),
    // all samples are in fragments
    fullBox('stts', 0, 0, u32(0)),
    fullBox('stsc', 0, 0, u32(0)),
    fullBox('stsz', 0, 0, u32(0, 0)),
    fullBox('stco', 0, 0, u32(0)),
  );
  const mediaInformation = box('minf', kindHeader, dataInformation, sampleTable);
  return box('trak', header, box('mdia', mediaHeader, handler, mediaInformation));
}

function trackDefaults(kind: TrackFormat['kind']): Buffer {
  const flags = kind === 'video' ? SAMPLE_NON_SYNC : SAMPLE_SYNC;
  return fullBox('trex', 0, 0, u32(TRACK_ID[kind], 1, 0, 0, flags));
}
