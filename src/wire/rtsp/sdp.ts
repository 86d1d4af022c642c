/** Session descriptions (RFC 8866), as far as RTSP makes use of them: media with their attributes, read and written. */
import { MIN_DECLARED_KBITS } from '../../media/index.ts';
import { type RtpMedia, rtpEncoding } from '../rtp/index.ts';
import { RtspError } from './error.ts';

/** `a=NAME:VALUE`; the value is empty where there is none. */
export interface SdpAttribute {
  readonly name: string;
  readonly value: string;
}

export interface SdpMedia {
  /** `video`, `audio`, `application`, … */
  readonly kind: string;
  /** `RTP/AVP` and its like. */
  readonly protocol: string;
  /** Payload types where the protocol is RTP. */
  readonly formats: readonly string[];
  readonly attributes: readonly SdpAttribute[];
  /** The bandwidth that is declared for it, or for the session where the medium has none of its own. kbit/s; null: none. */
  readonly kbits: number | null;
}

export interface SessionDescription {
  /** Those before the first medium. */
  readonly attributes: readonly SdpAttribute[];
  readonly media: readonly SdpMedia[];
}

/** Media of one description; more is a fault. */
export const MAX_MEDIA = 16;
const MAX_PAYLOAD_TYPE = 127;

/** Payload types that need no rtpmap (RFC 3551 6), of those that cameras use. */
const STATIC_FORMATS: Readonly<Record<string, string>> = {
  '0': 'PCMU/8000',
  '8': 'PCMA/8000',
  '14': 'MPA/90000',
};

/**
 * What is not understood is passed over, since cameras write much that no standard knows.
 * @throws RtspError where it is no description at all, or a medium cannot be read
 */
export function parseSdp(text: string): SessionDescription {
  const lines = text.split(/\r\n|\n|\r/).map((line) => line.trim());
  if (!lines.some((line) => line.startsWith('v='))) {
    throw new RtspError('malformed', 'the session description has no line v=');
  }
  const attributes: SdpAttribute[] = [];
  const media: MediaBeingRead[] = [];
  let sessionKbits: number | null = null;
  for (const line of lines) {
    const value = line.slice(2).trim();
    if (line.startsWith('m=')) {
      if (media.length === MAX_MEDIA) {
        throw new RtspError('limit', `a session description of more than the ${MAX_MEDIA} media that are allowed`);
      }
      media.push({ ...parseMedia(value), kbits: sessionKbits });
    } else if (line.startsWith('b=')) {
      const medium = media.at(-1);
      if (medium === undefined) sessionKbits = parseBandwidth(value) ?? sessionKbits;
      else medium.kbits = parseBandwidth(value) ?? medium.kbits;
    } else if (line.startsWith('a=')) {
      const cut = value.indexOf(':');
      const attribute =
        cut === -1 ? { name: value, value: '' } : { name: value.slice(0, cut), value: value.slice(cut + 1).trim() };
      (media.at(-1)?.attributes ?? attributes).push(attribute);
    }
  }
  return { attributes, media };
}

interface MediaBeingRead extends SdpMedia {
  readonly attributes: SdpAttribute[];
  kbits: number | null;
}

/** `AS:` in kbit/s (RFC 8866 5.8), `TIAS:` in bit/s (RFC 3890 6.2); null where it is another, or less than any can be meant. */
function parseBandwidth(value: string): number | null {
  const [, type, number] = /^(AS|TIAS):\s*(\d{1,12})$/i.exec(value) ?? [];
  if (type === undefined) return null;
  const kbits = Number(number) / (type.toUpperCase() === 'AS' ? 1 : 1000);
  return kbits < MIN_DECLARED_KBITS ? null : kbits;
}

function parseMedia(value: string): Omit<MediaBeingRead, 'kbits'> {
  const [kind, port, protocol, ...formats] = value.split(/\s+/);
  if (kind === undefined || protocol === undefined || !/^\d+(\/\d+)?$/.test(port ?? '')) {
    throw new RtspError('malformed', `m=${value.slice(0, 80)} is no medium`);
  }
  return { kind, protocol, formats, attributes: [] };
}

/** The first attribute's value, or null. */
export function sdpAttribute({ attributes }: { readonly attributes: readonly SdpAttribute[] }, name: string) {
  return attributes.find((attribute) => attribute.name === name)?.value ?? null;
}

/** What a medium's first payload type carries; null where it is no RTP, or nothing that this house knows. */
export function sdpRtpMedia(media: SdpMedia): RtpMedia | null {
  const [format] = media.formats;
  if (format === undefined || !/^RTP\/AVPF?$/i.test(media.protocol)) return null;
  const payloadType = Number(format);
  if (!/^\d+$/.test(format) || payloadType > MAX_PAYLOAD_TYPE) return null;
  const ofFormat = (name: string): string | undefined =>
    media.attributes
      .filter((attribute) => attribute.name === name)
      .map(({ value }) => /^(\d+)\s+(.*)$/.exec(value))
      .find((match) => Number(match?.[1]) === payloadType)?.[2];
  const map = ofFormat('rtpmap') ?? STATIC_FORMATS[payloadType] ?? '';
  const [, name, clockRate, channels] = /^([^/\s]+)\/(\d{1,9})(?:\/(\d{1,3}))?/.exec(map) ?? [];
  const encoding = name === undefined ? null : rtpEncoding(name);
  if (encoding === null || encoding.kind !== media.kind || Number(clockRate) === 0) return null;
  return {
    ...encoding,
    payloadType,
    clockRate: Number(clockRate),
    channels: Math.max(1, Number(channels ?? 1)),
    fmtp: parseParameters(ofFormat('fmtp') ?? ''),
    ...(media.kbits === null ? {} : { declaredKbits: media.kbits }),
  };
}

/** What a medium calls itself, for messages: `H264`, `onvif.vendor`, or its kind where it says nothing. */
export function sdpEncodingName(media: SdpMedia): string {
  return (
    /^\d+\s+([^/\s]+)/.exec(sdpAttribute(media, 'rtpmap') ?? '')?.[1] ?? `${media.kind} ${media.formats.join(' ')}`
  );
}

/** `name=value;name=value`: what has no `=` is a name with an empty value. */
function parseParameters(text: string): Readonly<Record<string, string>> {
  const parameters: [string, string][] = [];
  for (const part of text.split(';')) {
    const cut = part.indexOf('=');
    const name = (cut === -1 ? part : part.slice(0, cut)).trim().toLowerCase();
    if (name !== '') parameters.push([name, cut === -1 ? '' : part.slice(cut + 1).trim()]);
  }
  return Object.fromEntries(parameters);
}

/** The description of a live stream; the medium at place N is set up as `trackID=N` below the URL. */
export function serializeLiveSdp(media: readonly RtpMedia[], serverAddress: string): Buffer {
  const family = serverAddress.includes(':') ? 'IP6' : 'IP4';
  const lines = [
    'v=0',
    `o=- 0 0 IN ${family} ${serverAddress}`,
    's=-',
    `c=IN ${family} ${family === 'IP4' ? '0.0.0.0' : '::'}`,
    't=0 0',
    'a=control:*',
    'a=range:npt=now-',
    ...media.flatMap((each, i) => mediaLines(each, `trackID=${i}`)),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n`);
}

function mediaLines({ kind, encoding, payloadType, clockRate, channels, fmtp }: RtpMedia, control: string): string[] {
  const parameters = Object.entries(fmtp).map(([name, value]) => `${name}=${value}`);
  const channelPart = kind === 'audio' && channels > 1 ? `/${channels}` : '';
  return [
    `m=${kind} 0 RTP/AVP ${payloadType}`,
    `a=rtpmap:${payloadType} ${encoding}/${clockRate}${channelPart}`,
    ...(parameters.length === 0 ? [] : [`a=fmtp:${payloadType} ${parameters.join('; ')}`]),
    `a=control:${control}`,
  ];
}
