/** Plays a stream in a video element; the two libraries are loaded when they are first needed. */
import type { PlayKind } from './urls.ts';

export interface Playing {
  stop(): void;
}

/** Begins to play. `onProblem` is told why it cannot go on. */
export async function play(
  kind: PlayKind,
  url: string,
  video: HTMLVideoElement,
  onProblem: (why: string) => void,
): Promise<Playing> {
  return kind === 'HLS' || kind === 'LL-HLS' ? playHls(url, video, onProblem) : playFlv(url, video, onProblem);
}

async function playFlv(url: string, video: HTMLVideoElement, onProblem: (why: string) => void): Promise<Playing> {
  const { default: mpegts } = await import('mpegts.js');
  mpegts.LoggingControl.enableAll = false;
  const player = mpegts.createPlayer(
    { type: 'flv', isLive: true, url },
    { enableStashBuffer: false, liveBufferLatencyChasing: true, lazyLoad: false },
  );
  player.on(mpegts.Events.ERROR, (type: string, detail: string) => onProblem(`${type}: ${detail}`));
  player.on(mpegts.Events.LOADING_COMPLETE, () => onProblem('the server has ended the session'));
  player.attachMediaElement(video);
  player.load();
  return { stop: () => player.destroy() };
}

async function playHls(url: string, video: HTMLVideoElement, onProblem: (why: string) => void): Promise<Playing> {
  const { default: Hls } = await import('hls.js/light');
  // a worker would be a script from a blob, which the page's policy does not let
  const hls = new Hls({ enableWorker: false, lowLatencyMode: true });
  hls.on(Hls.Events.ERROR, (_event, { fatal, type, details }) => {
    if (fatal) onProblem(`${type}: ${details}`);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return { stop: () => hls.destroy() };
}
