/** hls.js without what a live stream has no use for; its package has types for the whole only. */
declare module 'hls.js/light' {
  export { default } from 'hls.js';
}
