/** How the console is built: into dist/console, from where the API serves it (src/api/console.ts). */
import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  // relative, so that a reverse proxy may put the console below a path of its own
  base: './',
  plugins: [preact({ devtoolsInProd: false, prefreshEnabled: false })],
  build: {
    outDir: '../dist/console',
    emptyOutDir: true,
    // every file as a file: the page's policy allows no data: addresses
    assetsInlineLimit: 0,
    // hls.js and mpegts.js are loaded when somebody plays
    chunkSizeWarningLimit: 600,
  },
});
