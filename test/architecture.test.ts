/** The house's rules bite: a copy of the source with one offence planted against each rule, and every rule named. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { tempDir } from './support/temp-dir.ts';

const ROOT = join(import.meta.dirname, '..');
const CONFIG = '.dependency-cruiser.cjs';

interface Rule {
  readonly name: string;
  readonly from: { readonly path?: string };
  readonly to: { readonly path?: string };
}

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
  /** A circle is told once, for all who are in it. */
  readonly cycle?: readonly { readonly name: string }[];
}

interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: { readonly totalCruised: number; readonly violations: readonly Violation[] };
}

/** One file that imports what its rule forbids. */
interface Offence {
  readonly rule: string;
  readonly file: string;
  readonly imports: string;
}

const { forbidden } = createRequire(import.meta.url)(join(ROOT, CONFIG)) as { forbidden: readonly Rule[] };

const OFFENCES: readonly Offence[] = forbidden.flatMap(({ name, from, to }): Offence[] => {
  const file = `planted-against-${name}.ts`;
  if (name.startsWith('no-import-upwards-from-')) {
    return rooms(from.path).flatMap((below) =>
      rooms(to.path).map((above) => ({
        rule: name,
        file: `src/${below}/planted-up-to-${above.replace('/', '-')}.ts`,
        imports: `src/${above}/index.ts`,
      })),
    );
  }
  if (name.startsWith('door-of-')) {
    return [{ rule: name, file: `src/${file}`, imports: `src/${rooms(to.path)[0]}/planted-inner.ts` }];
  }
  switch (name) {
    case 'no-circle':
      return [
        { rule: name, file: 'src/media/planted-circle-a.ts', imports: 'src/media/planted-circle-b.ts' },
        { rule: name, file: 'src/media/planted-circle-b.ts', imports: 'src/media/planted-circle-a.ts' },
      ];
    case 'nothing-imports-server':
      return [{ rule: name, file: `src/config/${file}`, imports: 'src/server.ts' }];
    case 'hub-knows-media-only':
      return [{ rule: name, file: `src/streams/${file}`, imports: 'src/containers/flv/index.ts' }];
    case 'parts-take-options-not-the-file':
      return [{ rule: name, file: `src/api/${file}`, imports: 'src/config/index.ts' }];
    case 'source-imports-no-test-support':
      return [{ rule: name, file: `src/net/${file}`, imports: 'test/support/temp-dir.ts' }];
    case 'nothing-unresolved':
      return [{ rule: name, file: `src/net/${file}`, imports: 'src/net/nowhere.ts' }];
    default:
      return [];
  }
});

let planted: Cruise;

before(async () => {
  planted = await cruise(plant());
});

test('each rule has an offence planted against it', () => {
  const names = new Set(OFFENCES.map(({ rule }) => rule));
  assert.deepEqual(
    forbidden.map(({ name }) => name).filter((name) => !names.has(name)),
    [],
  );
});

test('every planted offence is caught by its rule', () => {
  const caught = new Set(
    planted.summary.violations.flatMap(({ rule, from, cycle = [] }) =>
      [from, ...cycle.map(({ name }) => name)].map((file) => `${rule.name}: ${file}`),
    ),
  );
  const missed = OFFENCES.map(({ rule, file }) => `${rule}: ${file}`).filter((offence) => !caught.has(offence));
  assert.ok(OFFENCES.length > forbidden.length);
  assert.deepEqual(missed, []);
});

test('the TypeScript of the real source is read', async () => {
  const { modules } = await cruise(ROOT);
  const own = modules.filter(({ source }) => /^src\/.*\.ts$/.test(source));
  assert.ok(own.length > 20, `${own.length} modules cruised`);
});

/** The rooms named in a rule's path: `^src/(a|b/c)/` and `^src/a/`. */
function rooms(path = ''): string[] {
  const list = /^\^src\/\(?([^)]*?)\)?\/$/.exec(path)?.[1];
  assert.ok(list, `rule path ${path} is not understood by this test`);
  return list.split('|');
}

/** A copy of the source and the rules with the offences in it; gives its folder. */
function plant(): string {
  const dir = tempDir({ after });
  cpSync(join(ROOT, 'src'), join(dir, 'src'), { recursive: true });
  cpSync(join(ROOT, 'test/support/temp-dir.ts'), join(dir, 'test/support/temp-dir.ts'));
  for (const name of [CONFIG, 'package.json']) cpSync(join(ROOT, name), join(dir, name));
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  for (const { file, imports, rule } of OFFENCES) {
    // every room is there in the end, also those that later issues build
    if (rule !== 'nothing-unresolved' && !existsSync(join(dir, imports))) writeModule(dir, imports, '');
    const path = relative(dirname(file), imports);
    writeModule(dir, file, `import '${path.startsWith('.') ? path : `./${path}`}';\n`);
  }
  return dir;
}

function writeModule(dir: string, file: string, text: string): void {
  mkdirSync(dirname(join(dir, file)), { recursive: true });
  writeFileSync(join(dir, file), `${text}export {};\n`);
}

function cruise(dir: string): Promise<Cruise> {
  const command = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const args = [command, 'src', '--config', CONFIG, '--output-type', 'json'];
  return new Promise((resolve, reject) => {
    // offences make it exit with an error, so only the output tells whether it ran
    execFile(process.execPath, args, { cwd: dir, maxBuffer: 256 << 20 }, (error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as Cruise);
      } catch {
        reject(new Error(`dependency-cruiser failed: ${stderr || error?.message}`));
      }
    });
  });
}
