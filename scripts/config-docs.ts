/** Writes docs/configuration.md from the configuration's schema: `node scripts/config-docs.ts`. */
import { writeFileSync } from 'node:fs';
import { describeKeys, type KeyDescription } from '../src/config/index.ts';

/** The page that is written. */
export const CONFIG_DOCS = new URL('../docs/configuration.md', import.meta.url);

const HEAD = `# Configuration

<!-- Written by scripts/config-docs.ts from src/config/: change it there, then run \`node scripts/config-docs.ts\`. -->

Millrace reads one JSON file, in the format of lalserver's \`lalserver.conf.json\` (v0.4.1). \`-c FILE\` names it. Without
\`-c\` it is the first of \`lalserver.conf.json\` and \`conf/lalserver.conf.json\` in the working folder, then in its parent;
where there is none, the packaged [conf/millrace.conf.json](../conf/millrace.conf.json), which is a good file to start from.

- Keys that begin with \`#\` are comments.
- What the file does not name is off: each key has the default below, and one line of the log lists what is off for that reason.
- Addresses are \`HOST:PORT\`, \`:PORT\` (every address of the machine) or \`[IPV6]:PORT\`; port 0 is any free port.
- A wrong value stops the start; all of them are named at once, with what was found and what is allowed. A key that is not
  known is a warning that names the nearest known one.
- A plain port that cannot be bound stops the start. A TLS listener, RTSP over WebSocket and the profiles are logged as an
  error instead, and the rest goes on. TLS can be on without its plain counterpart.
- \`kill -HUP\` or [\`/api/server/reload\`](http-api.md#apiserverreload) reads the file again while sessions go on. The column
  "reload" says of each key when its new value counts: *at once*; for *new sessions* (connections, players, pulls that begin
  afterwards); for *new streams* (publications, and what is made of them, that begin once the stream is gone); after a *restart*.
  \`–\`: it has no effect.
- Paths are relative to the working folder (\`-p DIR\`).
`;

/** The page's text. */
export function renderConfigDocs(): string {
  const all = describeKeys();
  const top = all.filter(({ path, isSection }) => !isSection && !path.includes('.'));
  const sections = all.filter(({ isSection }) => isSection);
  return [
    HEAD,
    table(top, ''),
    ...sections.map((section) => {
      const prefix = `${section.path}.`;
      const keys = all.filter(
        ({ path, isSection }) => !isSection && path.startsWith(prefix) && !path.slice(prefix.length).includes('.'),
      );
      return `## \`${section.path}\`\n\n${section.info.meaning}.\n\n${table(keys, prefix)}`;
    }),
  ].join('\n');
}

function table(keys: readonly KeyDescription[], prefix: string): string {
  const rows = keys.map(({ path, info }) => {
    const fallback = info.whenMissing.includes('`') ? info.whenMissing : `\`${info.whenMissing}\``;
    const reload = info.reload === 'no effect' ? '–' : (info.reload ?? 'restart');
    return `| \`${path.slice(prefix.length)}\` | ${info.allowed} | ${fallback} | ${reload} | ${info.meaning} |`;
  });
  return ['| key | type | default | reload | meaning |', '| --- | --- | --- | --- | --- |', ...rows, ''].join('\n');
}

if (import.meta.main) writeFileSync(CONFIG_DOCS, renderConfigDocs());
