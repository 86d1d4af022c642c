/** A player thread: listens with the protocols' own servers, and has the main thread's hub behind them. */
import { parentPort, workerData } from 'node:worker_threads';
import { FaultLog, PeerLimits } from '../net/index.ts';
import { hlsPaths } from '../protocols/hls/index.ts';
import type { Log } from '../streams/index.ts';
import { Link } from './link.ts';
import type { FromThread, LogLevel, ToThread } from './messages.ts';
import { playerPorts } from './ports.ts';
import { RemoteAnswers } from './remote-answers.ts';
import { RemoteHub } from './remote-hub.ts';
import type { WorkerStart } from './worker-start.ts';

if (parentPort === null) throw new Error('this is to be run as a worker thread');

const link = new Link<FromThread, ToThread>(parentPort, (order) => {
  switch (order.kind) {
    case 'listen':
      void listen(order.index, order.port);
      return;
    case 'stop listening':
      for (const port of ports) port.stop();
      return;
    case 'update':
      limits.update(order.options.peers);
      for (const port of ports) port.update(order.options);
      return;
    case 'answer':
      answers.answered(order.id, order.answer);
      return;
    case 'stop sending':
      answers.stop(order.account);
      return;
    default:
      hub.handle(order);
  }
});
const toLog =
  (level: LogLevel) =>
  (fields: object, message: string): void =>
    link.send({ kind: 'log', level, fields, message });
const log: Log = { debug: toLog('debug'), info: toLog('info'), warn: toLog('warn'), error: toLog('error') };
const hub = new RemoteHub(link, log);
const clock = { monotonicMs: () => performance.now(), unixMs: () => Date.now() };
const { options, limitMemory, place } = workerData as WorkerStart;
const limits = new PeerLimits(options.peers, limitMemory, place, { log, clock });
const answers = new RemoteAnswers(hlsPaths(options.hls), link);
const faults = new FaultLog(log, (protocol, reason) => link.send({ kind: 'fault', protocol, reason }), clock);
const ports = playerPorts(options, { hub, ledger: hub, counter: hub, clock, log, faults, limits, answers });

async function listen(index: number, sharedPort: number): Promise<void> {
  try {
    const { host, port } = await portAt(index).start(sharedPort);
    link.send({ kind: 'listening', index, host, port });
  } catch (error) {
    link.send({ kind: 'not listening', index, why: error instanceof Error ? error.message : String(error) });
  }
}

function portAt(index: number): ReturnType<typeof playerPorts>[number] {
  const port = ports[index];
  if (port === undefined) throw new Error(`there is no port ${index}`);
  return port;
}
