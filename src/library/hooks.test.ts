/** Hooks: subscribers that get tracks and frames, over all publications of their stream, and cannot hurt it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeHub, publishTo, video, videoTracks } from '../streams/hub.fixture.ts';
import type { FrameConsumer } from '../streams/index.ts';
import { type HookSession, Hooks, type StreamHook } from './hooks.ts';
import { insideOf } from './inside.fixture.ts';

function setUp(options: Parameters<typeof fakeHub>[0] = {}) {
  const hooks = new Hooks();
  const hub = fakeHub(options, { ok: true }, [(publication): FrameConsumer | null => hooks.consume(publication)]);
  const { deps, errors } = insideOf(hub.registry);
  const add = async (hook: StreamHook, streamName = 's'): Promise<HookSession> => {
    const result = await hooks.add(streamName, hook, deps);
    assert.ok(result.ok);
    return result.hook;
  };
  return { ...hub, add, hooks, deps, errors };
}

/** A hook that writes down what it is told, one word a call. */
function diary(): { words: string[]; hook: Required<StreamHook> } {
  const words: string[] = [];
  return {
    words,
    hook: {
      onTracks: ({ video }) => void words.push(`${video?.width}x${video?.height}`),
      onFrame: ({ dts }) => void words.push(`f${dts}`),
      onDiscontinuity: () => void words.push('jump'),
      onPublicationEnd: () => void words.push('end'),
      onClosed: (reason) => void words.push(reason),
    },
  };
}

test('is an out-session without a connection, with its events and the bytes of its frames', async () => {
  const { registry, facts, add, story } = setUp();
  const hook = await add(diary().hook);
  const publisher = await publishTo(registry, 'PUB1');
  publisher.write(video(0, true));
  assert.equal(registry.group('s')?.subs[0]?.wroteBytesSum, 5);
  hook.close();
  publisher.close('peer closed');
  assert.deepEqual(story(), [
    'start CUSTOMIZESUB1 in=false out=true',
    'start PUB1 in=true out=true',
    'stop CUSTOMIZESUB1 in=true out=false peer closed',
    'stop PUB1 in=false out=false peer closed',
  ]);
  const [start] = facts;
  assert.ok(start?.kind === 'session_start');
  assert.deepEqual([start.session.protocol, start.session.url], ['CUSTOMIZE', 'customize://s']);
});

test('gets every publication of its stream, wherever in it it came', async () => {
  const { registry, add } = setUp();
  const early = diary();
  const late = diary();
  await add(early.hook);
  const first = await publishTo(registry, 'PUB1');
  first.setTracks(videoTracks);
  first.write(video(0, true));
  await add(late.hook);
  first.write(video(40));
  first.close('peer closed');
  const second = await publishTo(registry, 'PUB2');
  second.write(video(0, true));
  const again = `f${40 + 40}`;
  assert.deepEqual(early.words, ['1280x720', 'f0', 'f40', 'end', again]);
  assert.deepEqual(late.words, ['1280x720', 'f40', 'end', again]);
});

test('within the grace of a lost publisher it goes on with the next one, also where it came in between', async () => {
  const { registry, add } = setUp({ graceMs: 10_000 });
  const early = diary();
  const between = diary();
  await add(early.hook);
  const first = await publishTo(registry, 'PUB1');
  first.write(video(0, true));
  first.close('peer closed');
  await add(between.hook);
  const second = await publishTo(registry, 'PUB2');
  second.write(video(0, true));
  await registry.stop();
  assert.deepEqual(early.words, ['f0', 'jump', 'f40', 'server stopped']);
  assert.deepEqual(between.words, ['jump', 'f40', 'server stopped']);
});

test('closed by itself, by a kick or by the end of the server it hears why, and nothing after it', async () => {
  const { registry, add } = setUp();
  const [own, kicked, last] = [diary(), diary(), diary()];
  const publisher = await publishTo(registry, 'PUB1');
  const hook = await add(own.hook);
  const other = await add(kicked.hook);
  await add(last.hook);
  hook.close();
  hook.close();
  assert.equal(registry.kick('s', other.id), 'kicked');
  publisher.write(video(0));
  await registry.stop();
  assert.deepEqual([own.words, kicked.words, last.words], [['peer closed'], ['kicked'], ['f0', 'server stopped']]);
  assert.deepEqual([hook.closed, other.closed], [true, true]);
});

test('a hook may close itself from within its calls', async () => {
  const { registry, add } = setUp();
  const { words, hook } = diary();
  const session = await add({
    ...hook,
    onFrame: (frame) => {
      hook.onFrame(frame);
      session.close();
    },
  });
  const publisher = await publishTo(registry, 'PUB1');
  publisher.write(video(0));
  publisher.write(video(40));
  assert.deepEqual(words, ['f0', 'peer closed']);
  assert.equal(registry.group('s')?.subs.length, 0);
});

test('one that throws is closed and logged; the stream and other hooks go on', async () => {
  const { registry, add, errors, story } = setUp();
  const fault = (): never => {
    throw new Error('fault');
  };
  const other = diary();
  await add({ onFrame: fault, onClosed: fault });
  await add({ onFrame: () => {}, onTracks: fault });
  await add(other.hook);
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  publisher.write(video(0, true));
  publisher.write(video(40));
  assert.deepEqual(other.words, ['1280x720', 'f0', 'f40']);
  assert.deepEqual(errors, [
    'a hook failed and is closed',
    'a hook failed and is closed',
    'a hook failed as it was closed',
  ]);
  assert.equal(story().filter((line) => line.startsWith('stop CUSTOMIZESUB')).length, 2);
});

test('a name that cannot be one is refused', async () => {
  const { hooks, deps } = setUp();
  const result = await hooks.add('a/b', diary().hook, deps);
  assert.deepEqual(result, { ok: false, reason: 'a stream name may not contain a slash' });
});
