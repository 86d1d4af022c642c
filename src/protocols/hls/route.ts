/** What viewers ask for, and what they are answered: sessions, playlists, segments. */
import { withUriSuffix } from '../../containers/m3u8/index.ts';
import {
  type AnswerRoute,
  type FileBody,
  type HttpAnswer,
  type HttpRequestFacts,
  type PeerFaults,
  PLAYLIST_TYPE,
  RETRY_AFTER,
  type Refusals,
  readFileBody,
  textAnswer,
} from '../../net/index.ts';
import { type Admission, isTemporary, type Refusal } from '../../streams/index.ts';
import type { FirstPlaylists } from './first-playlists.ts';
import { LIVE_FILE, nameProblem, parsePath, type Wanted } from './names.ts';
import type { HlsOptions } from './options.ts';
import { type Sessions, type ViewerSession, viewerIdentity } from './sessions.ts';
import type { StreamTable } from './stream-table.ts';

/** A playlist file that is larger is not read. */
const MAX_PLAYLIST_BYTES = 64 * 1024 * 1024;
const SESSION_PARAM = 'session_id';
const UNKNOWN_SESSION = textAnswer(404, 'there is no such session, or no more');
const NO_STREAM = textAnswer(404, 'there is no such stream');
const NO_FILE = textAnswer(404, 'there is no such file');

const DESCRIPTION = 'STREAM.m3u8';

type PathOptions = Pick<HlsOptions, 'urlPattern' | 'isPatternShared'>;

/** Which requests are for HLS, for threads that have them answered by another one. */
export function hlsPaths(options: PathOptions): Pick<AnswerRoute, 'urlPattern' | 'description' | 'accepts'> {
  const accepts = (path: string): boolean => isHlsPath(options, path);
  return { urlPattern: options.urlPattern, description: DESCRIPTION, accepts };
}

function isHlsPath({ urlPattern, isPatternShared }: PathOptions, path: string): boolean {
  const rest = path.slice(urlPattern.length);
  if (rest.endsWith('.m3u8')) return true;
  const wanted = parsePath(rest);
  if (!isPatternShared) return wanted !== null || rest.endsWith('.ts');
  // a player's stream may have a name like a segment's
  return wanted !== null && (rest === wanted.file || rest === `${wanted.streamName}/${wanted.file}`);
}

export interface HlsRouteDeps {
  readonly streams: StreamTable;
  readonly admission: Admission;
  readonly faults: PeerFaults;
  readonly refusals?: Refusals;
  /** Null: viewers are not told apart. */
  readonly sessions: Sessions | null;
  /** The app name of a stream that is not published here now; empty where it has none. */
  readonly groupAppName: (streamName: string) => string;
}

/** What is asked for, and whether anybody still waits for it. */
type Asked = Wanted & { readonly gone: AbortSignal | undefined };

export class HlsRoute implements AnswerRoute {
  readonly urlPattern: string;
  readonly description = DESCRIPTION;
  readonly #options: HlsOptions;
  readonly #deps: HlsRouteDeps;
  readonly #waiting: FirstPlaylists;

  constructor(options: HlsOptions, deps: HlsRouteDeps, waiting: FirstPlaylists) {
    this.urlPattern = options.urlPattern;
    this.#options = options;
    this.#deps = deps;
    this.#waiting = waiting;
  }

  accepts(path: string): boolean {
    return isHlsPath(this.#options, path);
  }

  async answer(request: HttpRequestFacts, gone?: AbortSignal): Promise<HttpAnswer> {
    const parsed = parsePath(request.path.slice(this.urlPattern.length));
    if (parsed === null) return NO_FILE;
    const wanted: Asked = { ...parsed, gone };
    const problem = nameProblem(wanted.streamName);
    if (problem !== null) {
      this.#tellRefused(request, problem.reason);
      return textAnswer(problem.couldClimb ? 404 : 400, problem.reason);
    }
    const query = new URLSearchParams(request.query);
    const { sessions } = this.#deps;
    return sessions === null
      ? this.#answerAnyone(request, wanted, query)
      : this.#answerViewer(request, wanted, query, sessions);
  }

  sent(account: string, bytes: number): boolean {
    return this.#deps.sessions?.sent(account, bytes) ?? true;
  }

  finished(account: string): void {
    this.#deps.sessions?.release(account);
  }

  async #answerAnyone(request: HttpRequestFacts, wanted: Asked, query: URLSearchParams): Promise<HttpAnswer> {
    let { streamName } = wanted;
    if (isPlaylist(wanted.file)) {
      const session = viewerIdentity(request, streamName, this.#appName(streamName), '');
      const decision = await this.#deps.admission.decide({ direction: 'play', session });
      if (!decision.ok) return textAnswer(403, decision.reason);
      streamName = decision.streamName ?? streamName;
    }
    return this.#answer({ ...wanted, streamName }, query, '', () => this.#deps.streams.isLive(streamName));
  }

  async #answerViewer(
    request: HttpRequestFacts,
    wanted: Asked,
    query: URLSearchParams,
    sessions: Sessions,
  ): Promise<HttpAnswer> {
    const { streamName } = wanted;
    const given = query.get(SESSION_PARAM);
    if (given === null) {
      if (!isPlaylist(wanted.file)) return UNKNOWN_SESSION;
      // a look at what GET would give opens no session
      if (request.method === 'HEAD') return this.#answerAnyone(request, wanted, query);
      const opened = await sessions.open(request, streamName, this.#appName(streamName));
      return 'hash' in opened ? redirect(request, wanted, opened) : refusal(opened);
    }
    const session = sessions.hold(given, streamName);
    if (session === 'busy') return BUSY;
    if (session === null) {
      this.#tellRefused(
        request,
        `there is no session ${JSON.stringify(given.slice(0, 40))} of this stream, or no more`,
      );
      return UNKNOWN_SESSION;
    }
    try {
      const suffix = `?${SESSION_PARAM}=${session.hash}`;
      // the stream may yet come: whoever is told of the session may fetch it
      const answer = await this.#answer(wanted, query, suffix, () => sessions.isLive(session));
      if (sessions.isLive(session)) return { ...answer, account: session.hash };
      sessions.release(session.hash);
      return UNKNOWN_SESSION;
    } catch (error) {
      sessions.release(session.hash);
      throw error;
    }
  }

  /** @param mayCome whether it is worth waiting for a stream that is not there yet */
  async #answer(wanted: Asked, query: URLSearchParams, suffix: string, mayCome: () => boolean): Promise<HttpAnswer> {
    const { streamName, file } = wanted;
    if (wanted.what === 'segment') return this.#segment(streamName, file);
    if (wanted.what === 'low latency') return this.#lowLatency(wanted, query, suffix, mayCome);
    const ready = await this.#playlist(streamName, file, suffix);
    if (ready !== null) return ready;
    // no segment is complete yet
    const isThere = (): boolean => (this.#deps.streams.get(streamName)?.playlist() ?? null) !== null;
    const outcome = await this.#waiting.wait(streamName, isThere, mayCome, wanted.gone);
    if (outcome === 'full') return this.#full();
    return (await this.#playlist(streamName, file, suffix)) ?? NO_STREAM;
  }

  async #playlist(streamName: string, file: string, suffix: string): Promise<HttpAnswer | null> {
    const stream = this.#deps.streams.get(streamName);
    const live = file === LIVE_FILE ? stream?.playlist() : undefined;
    // where the stream is in memory, what is on the disk is no newer
    if (live === null) return null;
    const body = live ?? (await this.#read(streamName, file));
    if (body === null) return null;
    return {
      status: 200,
      headers: { 'Content-Type': PLAYLIST_TYPE },
      body: suffix === '' ? body : Buffer.from(withUriSuffix(body.toString(), suffix)),
    };
  }

  #segment(streamName: string, file: string): HttpAnswer {
    const kept = this.#deps.streams.get(streamName)?.segment(file);
    const body = kept === undefined ? this.#onDisk(streamName, file) : kept;
    if (body === null) return NO_FILE;
    // the name says all: what it names never changes
    const etag = `"${file.slice(streamName.length + 1, -'.ts'.length)}"`;
    return { status: 200, headers: { 'Content-Type': 'video/mp2t', ETag: etag }, body };
  }

  async #lowLatency(
    { streamName, file, gone }: Asked,
    query: URLSearchParams,
    suffix: string,
    mayCome: () => boolean,
  ): Promise<HttpAnswer> {
    if (!this.#deps.streams.hasLowLatency(streamName)) return NO_FILE;
    if (isPlaylist(file)) {
      const isThere = (): boolean => this.#deps.streams.lowLatency(streamName) !== null;
      if (!isThere() && (await this.#waiting.wait(streamName, isThere, mayCome, gone)) === 'full') return this.#full();
    }
    return (await this.#deps.streams.lowLatency(streamName)?.answer(file, query, suffix, gone)) ?? NO_STREAM;
  }

  async #read(streamName: string, file: string): Promise<Buffer | null> {
    const onDisk = this.#onDisk(streamName, file);
    return onDisk === null ? null : readFileBody(onDisk, MAX_PLAYLIST_BYTES);
  }

  #onDisk(streamName: string, file: string): FileBody | null {
    const { inMemory, outPath } = this.#options;
    return inMemory ? null : { root: outPath, path: `${streamName}/${file}` };
  }

  #full(): HttpAnswer {
    this.#deps.refusals?.refused('hls_waiting', '', TOO_MANY_WAIT);
    return FULL;
  }

  #tellRefused({ remoteAddr, url }: HttpRequestFacts, why: string): void {
    this.#deps.faults.tell('HLS', 'refused', { peer: remoteAddr, url }, `HLS refused: ${why}`);
  }

  #appName(streamName: string): string {
    const stream = this.#deps.streams.get(streamName);
    return stream?.isLive === true ? stream.appName : this.#deps.groupAppName(streamName);
  }
}

const TOO_MANY_WAIT = 'too many viewers wait for streams that are not there yet';
const FULL = textAnswer(503, TOO_MANY_WAIT);
const BUSY = textAnswer(429, 'too much is asked for in this session before earlier answers are taken');

function isPlaylist(file: string): boolean {
  return file.endsWith('.m3u8');
}

/**
 * To the same path, or that of the stream that admission let the viewer play; relative to where the client believes to be,
 * since a proxy may have changed what comes before.
 */
function redirect({ path, query }: HttpRequestFacts, wanted: Wanted, session: ViewerSession): HttpAnswer {
  const file = encodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
  const name = encodeURIComponent(session.streamName);
  const isSame = session.streamName === wanted.streamName;
  const target = isSame ? file : file === encodeURIComponent(wanted.file) ? `../${name}/${file}` : `${name}.m3u8`;
  const before = query === '' ? '' : `${query}&`;
  const location = `${target}?${before}${SESSION_PARAM}=${session.hash}`;
  return { status: 302, headers: { Location: location, 'Cache-Control': 'no-store' }, body: null };
}

function refusal(refused: Refusal): HttpAnswer {
  if (!isTemporary(refused)) return textAnswer(403, refused.reason);
  const answer = textAnswer(503, refused.reason);
  const [name, value] = RETRY_AFTER;
  return { ...answer, headers: { ...answer.headers, [name]: value } };
}
