/** HLS media playlists (RFC 8216), written and read. */
export {
  END_LINE,
  type MediaPlaylist,
  type PlaylistSegment,
  parsePlaylist,
  segmentLines,
  serializePlaylist,
  targetSecOf,
  withTarget,
  withUriSuffix,
} from './media-playlist.ts';
