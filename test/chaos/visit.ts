/** HTTP-FLV players that come and go, and what is asked of the callbacks that tell of them. */
import assert from 'node:assert/strict';
import { HttpPlayer } from '../support/http.ts';
import type { Millrace } from '../support/millrace.ts';
import type { Scope } from '../support/temp-dir.ts';
import type { Delivery } from './receiver.ts';

/** A player that comes and is let in. */
export async function come(scope: Scope, server: Millrace, stream: string): Promise<HttpPlayer> {
  const player = new HttpPlayer(scope, server.url('http', `live/${stream}.flv`));
  assert.equal((await player.head()).status, 200);
  return player;
}

/** A player that comes, is let in, and goes. */
export async function visit(scope: Scope, server: Millrace, stream: string): Promise<void> {
  (await come(scope, server, stream)).leave();
}

/** Without those that came before: a server that was killed may not have known that they were taken. */
export function firsts(deliveries: readonly Delivery[]): Delivery[] {
  const seen = new Map<string, Delivery>();
  for (const delivery of deliveries) {
    const before = seen.get(delivery.id);
    if (before === undefined) seen.set(delivery.id, delivery);
    else assert.equal(delivery.body, before.body, `the bodies of ${delivery.id}`);
  }
  return [...seen.values()];
}

/** How many of this event were told, each counted once however often it came. */
export function count(deliveries: readonly Delivery[], event: string): number {
  return firsts(deliveries).filter((delivery) => delivery.event === event).length;
}

/** A field of the body. */
export function field(delivery: Delivery, name: string): unknown {
  return (JSON.parse(delivery.body) as Record<string, unknown>)[name];
}
