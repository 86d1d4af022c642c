export { type ProgressiveDeps, progressiveRoute } from './play.ts';
