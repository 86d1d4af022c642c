// The house's rules: a floor imports only from floors below it, every folder has one door (index.ts), nothing goes
// around in a circle, and server.ts is known to the command line and the library only. test/architecture.test.ts proves that they bite.
// From the ground up: a folder may import from its own floor's rooms only through their doors, and never from above.
const floors = [
  ['host', 'media'],
  ['containers/flv', 'containers/mpegts', 'containers/ps', 'containers/fmp4', 'containers/m3u8'],
  ['wire/rtmp', 'wire/rtsp', 'wire/rtp'],
  ['streams'],
  ['net'],
  [
    'protocols/http-progressive',
    'protocols/rtmp',
    'protocols/rtsp',
    'protocols/http-flv',
    'protocols/http-ts',
    'protocols/hls',
    'protocols/gb28181',
  ],
  ['relay', 'record', 'admission', 'notify', 'threads'],
  ['api', 'cli'],
  ['ops'],
  ['config'],
  ['assembly'],
  ['library'],
];
const rooms = floors.flat();
const path = (names) => `^src/(${names.join('|')})/`;
const upwards = floors.slice(0, -1).map((floor, i) => ({
  name: `no-import-upwards-from-${floor[0].replace('/', '-')}`,
  comment: 'A floor imports only from floors below it. Declare the narrow type you need and let server.ts hand it in.',
  severity: 'error',
  from: { path: path(floor) },
  to: { path: path(floors.slice(i + 1).flat()) },
}));
// Helpers of tests; production code may not touch them (source-imports-no-test-support).
const fixture = '\\.fixture\\.ts$';
const doors = rooms.map((room) => ({
  name: `door-of-${room.replace('/', '-')}`,
  comment: 'Each room has one door, its index.ts.',
  severity: 'error',
  from: { pathNot: [`^src/${room}/`, '^test/', '^bench/'] },
  to: { path: `^src/${room}/`, pathNot: [`^src/${room}/index\\.ts$`, fixture] },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...upwards,
    ...doors,
    {
      name: 'no-circle',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nothing-imports-server',
      comment: 'server.ts knows every part; no part may know it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(library/|(main|server|server\\.test)\\.ts$)' },
      to: { path: '^src/server\\.ts$' },
    },
    {
      name: 'hub-knows-media-only',
      comment: 'The hub knows no container, wire format or protocol by name.',
      severity: 'error',
      from: { path: '^src/streams/' },
      to: { path: '^src/', pathNot: '^src/(streams|media)/' },
    },
    {
      name: 'parts-take-options-not-the-file',
      comment:
        "config maps the file onto each part's own options; only the command line, the library, assembly and server.ts see the file.",
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(config/|assembly/|library/|main\\.ts|server\\.ts|index\\.ts)' },
      to: { path: '^src/config/' },
    },
    {
      name: 'source-imports-no-test-support',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.(test|fixture)\\.ts$' },
      to: { path: '^(test|bench|scripts)/|\\.(test|fixture)\\.ts$' },
    },
    { name: 'nothing-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    // Beside TypeScript 7 dependency-cruiser reads no TypeScript by itself; swc does (see test/architecture.test.ts).
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      conditionNames: ['import', 'require', 'node', 'default'],
      exportsFields: ['exports'],
    },
    builtInModules: { add: ['node:sqlite', 'node:test'] },
  },
};
