/** More requests than one address may make in a second, while another address, a publisher and players go on. */
import assert from 'node:assert/strict';
import { before } from 'node:test';
import { type Attack, besiege, CALM, HANDSHAKE_MS, type Siege, startSiege } from '../../support/siege.ts';
import { fileScope } from '../../support/temp-dir.ts';
import { withPatience } from '../../support/wait-for.ts';
import { type Answer, watch } from './viewer.fixture.ts';

/** So few that any machine asks more. */
const MAX_PER_SEC = 20;
/** What the flood must have got before it ends. */
const REFUSALS = 3000;

const scope = fileScope();
let siege: Siege;

before(async () => {
  const limits = { handshake_timeout_ms: HANDSHAKE_MS, max_requests_per_sec_per_address: MAX_PER_SEC };
  siege = await startSiege(scope, { millrace: { limits, threads: 2 } });
});

const ATTACKS: readonly Attack[] = [
  {
    name: 'playlists asked for without end from one address, over connections to several threads',
    run: async ({ server }, scope) => {
      const beganMs = Date.now();
      const attacker = await watch(siege, scope, { connections: 20, localAddress: '127.0.0.2' });
      const refused: Answer[] = [];
      let [answered, isWatched] = [0, false];
      const flood = async (): Promise<void> => {
        const url = server.url('http', `hls/${CALM}.m3u8?${attacker.query}`);
        while (refused.length < REFUSALS || !isWatched) {
          const answer = await attacker.ask(url);
          if (answer.status === 429) refused.push(answer);
          else answered++;
        }
      };
      const floods = Promise.all(Array.from({ length: 20 }, flood));
      // where the rest fails, they end with the scope
      floods.catch(() => {});
      const viewer = await watch(siege, scope);
      for (let i = 0; i < 4; i++) {
        const playlist = await viewer.ask(server.url('http', `hls/${CALM}.m3u8?${viewer.query}`));
        assert.equal(playlist.status, 200);
        const segment = playlist.text.split('\n').findLast((line) => line.includes('.ts'));
        assert.ok(segment, playlist.text);
        const { status, text } = await viewer.ask(new URL(segment, server.url('http', `hls/${CALM}.m3u8`)).href);
        assert.equal(status, 200);
        assert.ok(text.length > 10_000, `${text.length} bytes`);
      }
      isWatched = true;
      await withPatience(floods, () => `${refused.length} refused, ${answered} answered`);
      // those in which it began and ended, and one for what threads count at the very turn of a second
      const seconds = Math.ceil((Date.now() - beganMs) / 1000) + 2;
      assert.ok(answered <= seconds * MAX_PER_SEC, `${answered} answers in ${seconds} seconds`);
      for (const { headers, text } of refused) {
        assert.equal(headers['retry-after'], '1');
        assert.equal(text, `more than ${MAX_PER_SEC} requests a second come from this address\n`);
      }
    },
    named: /more than 20 requests a second come from this address/,
    counted: ['millrace_refused_total{limit="max_requests_per_sec_per_address"}'],
  },
];

besiege(() => siege, ATTACKS);
