/** The stream's picture, over the protocol that the user picks. */
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Playing, play } from '../model/players.ts';
import type { ServerInfo } from '../model/types.ts';
import { PLAY_KINDS, type PlayKind, pageUrls, type StreamName } from '../model/urls.ts';

/** What is being played. */
interface Wanted {
  readonly kind: PlayKind;
  readonly url: string;
}

export function Player({ info, stream }: { info: ServerInfo; stream: StreamName }): VNode {
  const urls = pageUrls(info, stream);
  const [kind, setKind] = useState<PlayKind>(() => PLAY_KINDS.find((each) => urls.has(each)) ?? 'HTTP-FLV');
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (wanted === null || element === null) return;
    return playIn(element, wanted, setProblem);
  }, [wanted]);
  if (urls.size === 0) return <p class="empty">No listener that this page could play from is open.</p>;
  const start = (next: PlayKind): void => {
    const url = urls.get(next);
    setProblem(null);
    setWanted(url === undefined ? null : { kind: next, url });
  };
  const pick = (next: PlayKind): void => {
    setKind(next);
    if (wanted !== null) start(next);
  };
  return (
    <div class="player">
      <video ref={video} muted playsInline controls={wanted !== null} aria-label={`Picture of ${stream.name}`} />
      <div class="bar">
        <fieldset class="choice">
          <legend class="unseen">Protocol</legend>
          {PLAY_KINDS.filter((each) => urls.has(each)).map((each) => (
            <label key={each}>
              <input type="radio" name="protocol" checked={each === kind} onChange={() => pick(each)} />
              <span>{each}</span>
            </label>
          ))}
        </fieldset>
        {wanted === null ? (
          <button type="button" class="primary" onClick={() => start(kind)}>
            Play
          </button>
        ) : (
          <button type="button" onClick={() => setWanted(null)}>
            Stop
          </button>
        )}
      </div>
      {problem === null ? null : (
        <p class="problem" role="alert">
          It does not play: {problem}
        </p>
      )}
      {wanted === null ? null : <Figures video={video.current} />}
    </div>
  );
}

/** Plays until the returned function is called, which may come before the player's library has. */
function playIn(element: HTMLVideoElement, { kind, url }: Wanted, onProblem: (why: string) => void): () => void {
  let playing: Playing | null = null;
  let isOver = false;
  play(kind, url, element, (why) => {
    if (!isOver) onProblem(why);
  }).then(
    (started) => {
      if (isOver) {
        started.stop();
        return;
      }
      playing = started;
      // without a user's touch a browser may refuse; the controls are there
      element.play().catch(() => undefined);
    },
    () => onProblem('the player cannot be loaded'),
  );
  return () => {
    isOver = true;
    playing?.stop();
    element.removeAttribute('src');
    element.load();
  };
}

const FIGURES_MS = 1000;

function Figures({ video }: { video: HTMLVideoElement | null }): VNode {
  const [text, setText] = useState('');
  useEffect(() => {
    if (video === null) return;
    const timer = setInterval(() => setText(figuresOf(video)), FIGURES_MS);
    return () => clearInterval(timer);
  }, [video]);
  return <p class="figures">{text === '' ? 'Waiting for the first picture …' : text}</p>;
}

/** `1280×720 · 0.8 s in store · 3 frames dropped`; empty before the first picture. */
function figuresOf(video: HTMLVideoElement): string {
  const { videoWidth, videoHeight, buffered, currentTime } = video;
  if (videoWidth === 0 && currentTime === 0) return '';
  const stored = buffered.length === 0 ? 0 : Math.max(0, buffered.end(buffered.length - 1) - currentTime);
  const dropped = video.getVideoPlaybackQuality().droppedVideoFrames;
  const size = videoWidth > 0 ? [`${videoWidth}×${videoHeight}`] : [];
  return [...size, `${stored.toFixed(1)} s in store`, `${dropped} frames dropped by this browser`].join(' · ');
}
