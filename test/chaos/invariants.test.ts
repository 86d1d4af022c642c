/** The judge lets a good history pass and finds each fault that is put into it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientSession } from './crowd.ts';
import type { Committed, Life } from './history.ts';
import { type FaultKind, judge } from './invariants.ts';
import type { Delivery } from './receiver.ts';

const PUBLISHER: ClientSession = {
  ...{ token: 'a', life: 0, protocol: 'RTMP', baseType: 'PUB', stream: 's', accepted: true },
};
const PLAYER: ClientSession = {
  ...{ token: 'b', life: 1, protocol: 'FLV', baseType: 'SUB', stream: 's', accepted: true },
};

function delivery(seq: number, event: string, streamSeq: number | null, body: object, more: Partial<Delivery> = {}) {
  return {
    life: 0,
    event,
    id: `id-${seq}`,
    seq,
    streamSeq,
    attempt: 1,
    reason: null,
    body: JSON.stringify(body),
    isLater: false,
    ...more,
  };
}

function body(session: ClientSession, sessionId: string, more: object = {}): object {
  return {
    session_id: sessionId,
    protocol: session.protocol,
    base_type: session.baseType,
    stream_name: session.stream,
    url_param: `n=${session.token}`,
    has_in_session: false,
    has_out_session: false,
    read_bytes_sum: 10,
    wrote_bytes_sum: 20,
    ...more,
  };
}

const CONNECT = delivery(2, 'on_rtmp_connect', null, { session_id: 'RTMPPUBSUB1', flashVer: 'n=a' });
const PUB_START = delivery(3, 'on_pub_start', 1, body(PUBLISHER, 'RTMPPUBSUB1', { has_in_session: true }));
const PUB_STOP = delivery(4, 'on_pub_stop', 2, body(PUBLISHER, 'RTMPPUBSUB1'), { life: 1, reason: 'server crashed' });
const SUB_START = delivery(5, 'on_sub_start', 3, body(PLAYER, 'FLVSUB1', { has_out_session: true }), { life: 1 });
const SUB_STOP = delivery(6, 'on_sub_stop', 4, body(PLAYER, 'FLVSUB1'), { life: 1, reason: 'peer closed' });
/** A publisher whose server was killed, and a player of the next one; the second event came twice. */
const GOOD: readonly Delivery[] = [
  delivery(1, 'on_server_start', null, {}),
  ...[CONNECT, CONNECT, PUB_START, PUB_STOP, SUB_START, SUB_STOP],
];
const LIVES: readonly Life[] = [
  { end: 'killed', sessionIds: new Set(['RTMPPUBSUB1']) },
  { end: 'stopped', sessionIds: new Set(['FLVSUB1']) },
];
const COMMITTED: readonly Committed[] = [PUB_START];

function faultsOf(
  deliveries: readonly Delivery[],
  more: { committed?: Committed[]; lives?: Life[] } = {},
): FaultKind[] {
  const sessions = new Map([PUBLISHER, PLAYER].map((session) => [session.token, session]));
  const verdict = judge({ deliveries, sessions, committed: COMMITTED, lives: LIVES, ...more });
  return [...new Set(verdict.faults.map(({ kind }) => kind))];
}

const without = (...gone: readonly Delivery[]): Delivery[] => GOOD.filter((each) => !gone.includes(each));
const instead = (old: Delivery, ...by: readonly Delivery[]): Delivery[] =>
  GOOD.flatMap((each) => (each === old ? by : [each]));

test('a good history has no fault, and its repetition is counted', () => {
  const sessions = new Map([PUBLISHER, PLAYER].map((session) => [session.token, session]));
  const verdict = judge({ deliveries: GOOD, sessions, committed: COMMITTED, lives: LIVES });
  assert.deepEqual(verdict, { faults: [], events: 6, repeated: 1 });
});

const CASES: readonly (readonly [string, FaultKind, FaultKind[]])[] = [
  ['a stop is missing', 'start without stop', faultsOf(without(SUB_STOP))],
  ['a start is missing', 'stop without start', faultsOf(without(PUB_START), { committed: [] })],
  [
    'a stop comes twice under two ids',
    'stop without start',
    faultsOf([...GOOD, { ...SUB_STOP, id: 'x', seq: 7, streamSeq: 5 }]),
  ],
  ['a committed event is missing', 'lost', faultsOf(without(PUB_START, PUB_STOP))],
  [
    'a committed event is delivered with another body',
    'changed',
    faultsOf(GOOD, { committed: [{ ...PUB_START, body: '{}' }] }),
  ],
  ['nothing is told of a session of an orderly server', 'lost', faultsOf(without(SUB_START, SUB_STOP))],
  ['a repetition has another body', 'changed', faultsOf([...GOOD, { ...SUB_STOP, body: '{}' }])],
  ['a repetition has another id', 'changed', faultsOf([...GOOD, { ...CONNECT, id: 'x' }])],
  ['a number is left out', 'out of order', faultsOf(instead(SUB_STOP, { ...SUB_STOP, streamSeq: 5 }))],
  ['two events change places', 'out of order', faultsOf(without(PUB_STOP).concat(PUB_STOP))],
  ['on_rtmp_connect comes late', 'out of order', faultsOf(without(CONNECT).concat(CONNECT))],
  [
    'an event of nobody',
    'invented',
    faultsOf(instead(SUB_START, { ...SUB_START, body: JSON.stringify(body({ ...PLAYER, token: 'c' }, 'FLVSUB1')) })),
  ],
  [
    'an event of another stream than the client’s',
    'invented',
    faultsOf(instead(SUB_START, { ...SUB_START, body: JSON.stringify(body({ ...PLAYER, stream: 't' }, 'FLVSUB1')) })),
  ],
  [
    'an id that was another session’s',
    'id used twice',
    faultsOf(
      instead(SUB_START, {
        ...SUB_START,
        body: JSON.stringify(body(PLAYER, 'RTMPPUBSUB1', { has_out_session: true })),
      }),
    ),
  ],
  [
    'an id that an earlier log names',
    'id used twice',
    faultsOf(GOOD, { lives: [...LIVES, { end: 'killed', sessionIds: new Set(['FLVSUB1']) }] }),
  ],
  [
    'counters that go back',
    'untrue',
    faultsOf(
      instead(PUB_STOP, { ...PUB_STOP, body: JSON.stringify(body(PUBLISHER, 'RTMPPUBSUB1', { read_bytes_sum: 9 })) }),
    ),
  ],
  ['a crash that was none', 'untrue', faultsOf(instead(SUB_STOP, { ...SUB_STOP, reason: 'server crashed' }))],
  ['a stop without a reason', 'untrue', faultsOf(instead(PUB_STOP, { ...PUB_STOP, reason: null }))],
  [
    'a state that is not the stream’s',
    'untrue',
    faultsOf(instead(SUB_START, { ...SUB_START, body: JSON.stringify(body(PLAYER, 'FLVSUB1')) })),
  ],
];

for (const [what, kind, faults] of CASES) {
  test(`${what}: ${kind}`, () => assert.ok(faults.includes(kind), `found: ${faults.join(', ')}`));
}
