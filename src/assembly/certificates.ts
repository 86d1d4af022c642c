/** The certificates of the listeners with TLS: read at the start, and anew at each reload. */
import { checkTlsFiles, type TlsPem } from '../net/index.ts';
import { type PlayerOptions, type TlsListener, tlsListeners } from '../threads/index.ts';

export interface Renewal {
  /** With the certificates that are to be served. */
  readonly options: PlayerOptions;
  /** Keys of the addresses whose certificate or key is another one now. */
  readonly renewed: readonly string[];
  /** Sentences: which cannot be used, and why. They stay as they are. */
  readonly problems: readonly string[];
}

/** Reads what can be read; what cannot is told when its listener starts. */
export function loadCertificates(options: PlayerOptions): PlayerOptions {
  return renewCertificates(options, options, () => true).options;
}

/**
 * Reads all files anew.
 * @param running the options with the certificates that are served now
 * @param isOpen whether the listener with this key is open: of others nothing is said
 */
export function renewCertificates(
  running: PlayerOptions,
  next: PlayerOptions,
  isOpen: (key: string) => boolean,
): Renewal {
  const served = new Map(tlsListeners(running).map(({ key, pem }) => [key, pem]));
  const read = new Map<string, TlsPem>();
  const problems: string[] = [];
  for (const listener of tlsListeners(next)) {
    // protocols that share an address serve the files of the first of them
    if (read.has(listener.key) || !isOpen(listener.key)) continue;
    try {
      read.set(listener.key, checkTlsFiles(listener));
    } catch (error) {
      problems.push(`${listener.key}: ${error instanceof Error ? error.message : String(error)}`);
      const before = served.get(listener.key);
      if (before !== undefined) read.set(listener.key, before);
    }
  }
  const renewed = [...read].filter(([key, pem]) => !isSame(pem, served.get(key))).map(([key]) => key);
  return { options: withPem(next, read), renewed, problems };
}

function isSame(a: TlsPem, b: TlsPem | undefined): boolean {
  return a.cert === b?.cert && a.key === b.key;
}

function withPem(options: PlayerOptions, read: ReadonlyMap<string, TlsPem>): PlayerOptions {
  const add = <T extends { readonly tls: TlsListener | null }>(part: T): T => {
    const pem = part.tls === null ? undefined : read.get(part.tls.key);
    return pem === undefined ? part : { ...part, tls: { ...part.tls, pem } };
  };
  const { rtmp, rtsp, flv, ts, hls } = options;
  return { ...options, rtmp: add(rtmp), rtsp: add(rtsp), flv: add(flv), ts: add(ts), hls: add(hls) };
}
