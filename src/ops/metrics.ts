/** All metrics in one place: takes numbers from the parts where they are asked for, and tells them to Prometheus. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { PeerFaults, Refusals } from '../net/index.ts';
import type { HlsWatch } from '../protocols/hls/index.ts';
import type { RecordWatch } from '../record/index.ts';
import type { GroupSnapshot, HubWatch } from '../streams/index.ts';
import { DelayHistogram } from './delay-histogram.ts';
import { NotifyMetrics, type NotifyNumbers } from './notify-metrics.ts';
import { RuntimeMetrics } from './runtime-metrics.ts';
import { SessionTotals, type Totals } from './session-totals.ts';
import { type StreamRates, streamRates } from './stream-rates.ts';
import { VERSION } from './version.ts';

export interface MetricsSources {
  groups(): readonly GroupSnapshot[];
  readonly notify: NotifyNumbers;
  /** What bounds turned away, since the start. */
  refused(): ReturnType<Refusals['counts']>;
  /** Whether the server takes new sessions. */
  isReady(): boolean;
  /** Milliseconds since 1970. */
  unixMs(): number;
}

/** An answer to a scrape. */
export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

const FANOUT_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.25, 0.5, 1];
const DISK_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const KIND = ['protocol', 'base_type'] as const;
type Kind = (typeof KIND)[number];

export class Metrics {
  /** What the parts tell as it happens. */
  readonly hub: HubWatch;
  readonly hls: HlsWatch;
  readonly records: RecordWatch;
  readonly countFault: PeerFaults['count'];
  readonly #sources: MetricsSources;
  readonly #registry = new Registry();
  readonly #totals = new SessionTotals();
  readonly #runtime: RuntimeMetrics;
  readonly #notify: NotifyMetrics;
  readonly #delays: readonly DelayHistogram[];
  readonly #setSessions: (totals: readonly Totals[]) => void;
  readonly #setStreams: (groups: readonly GroupSnapshot[], rates: readonly StreamRates[]) => void;
  readonly #ready: Gauge;
  readonly #refused: Counter<'limit'>;
  /** Scrapes that come while one is answered get the same answer. */
  #answering: Promise<MetricsText> | null = null;

  constructor(sources: MetricsSources) {
    const registry = this.#registry;
    const registers = [registry];
    this.#sources = sources;
    const build = { name: 'millrace_build_info', help: '1, with the versions as labels' };
    new Gauge({ ...build, labelNames: ['version', 'node'], registers }).set(
      { version: VERSION, node: process.versions.node },
      1,
    );
    this.#ready = new Gauge({ name: 'millrace_ready', help: '1 while new sessions are taken, else 0', registers });
    this.#setSessions = sessionMetrics(registry);
    this.#setStreams = streamMetrics(registry);
    const lost = { name: 'millrace_hls_lost_segments_total', help: 'HLS segments that the disk cost' };
    const lostSegments = new Counter({ ...lost, registers });
    const failedRecords = new Counter({
      name: 'millrace_record_failures_total',
      help: 'Record files that could not be made or written to their end',
      ...{ labelNames: ['format'], registers },
    });
    this.#refused = new Counter({
      name: 'millrace_refused_total',
      help: 'Connections, sessions, requests and packets that a bound turned away, by the key of millrace.limits',
      ...{ labelNames: ['limit'], registers },
    });
    const jumps = new Counter({
      name: 'millrace_time_jumps_total',
      help: 'How often the times of a publisher or a pull did not go on, and the stream’s time was bridged over it',
      registers,
    });
    const rates = new Counter({
      name: 'millrace_declared_rate_exceeded_total',
      help: 'Publications that sent more than ten times the bit rate that they declared, over some seconds',
      registers,
    });
    const faults = new Counter({
      name: 'millrace_peer_faults_total',
      help: 'What peers did that was refused or ended: TLS, malformed or too large messages, time-outs, refusals',
      ...{ labelNames: ['protocol', 'reason'], registers },
    });
    const fanoutDelay = new DelayHistogram(
      'millrace_fanout_delay_seconds',
      'Time from the first frame of a batch, as it came from the publisher, until the batch was written to all players',
      FANOUT_BOUNDS,
    );
    const segmentDelay = new DelayHistogram(
      'millrace_hls_segment_write_seconds',
      'Time that the disk took for an HLS segment',
      DISK_BOUNDS,
    );
    this.#delays = [fanoutDelay, segmentDelay];
    this.#notify = new NotifyMetrics(sources.notify, registry);
    this.#runtime = new RuntimeMetrics(registry);
    this.hub = {
      sessionEnded: (session, reason) => this.#totals.add(session, reason),
      batchWritten: (ms) => fanoutDelay.add(ms),
      timeJumped: () => jumps.inc(),
      pictureUnreadable: (protocol) => faults.inc({ protocol, reason: 'malformed' }),
      rateExceeded: () => rates.inc(),
    };
    this.hls = { segmentWritten: (ms) => segmentDelay.add(ms), segmentLost: () => lostSegments.inc() };
    this.countFault = (protocol, reason) => faults.inc({ protocol, reason });
    this.records = { failed: (format) => failedRecords.inc({ format }) };
  }

  /** Begins to watch the runtime. */
  start(): void {
    this.#runtime.start();
  }

  stop(): void {
    this.#runtime.stop();
  }

  /** All metrics as they are now, in Prometheus' text format. */
  text(): Promise<MetricsText> {
    this.#answering ??= this.#answer().finally(() => {
      this.#answering = null;
    });
    return this.#answering;
  }

  async #answer(): Promise<MetricsText> {
    await Promise.all([this.#runtime.collect(), this.#notify.collect()]);
    const { groups, unixMs, isReady, refused } = this.#sources;
    const now = groups();
    this.#setSessions(this.#totals.with(now));
    this.#setStreams(now, streamRates(now, unixMs()));
    this.#ready.set(isReady() ? 1 : 0);
    this.#refused.reset();
    for (const [limit, count] of refused()) this.#refused.inc({ limit }, count);
    const delays = this.#delays.map((each) => each.text());
    return {
      contentType: this.#registry.contentType,
      text: [await this.#registry.metrics(), ...delays].join('\n'),
    };
  }
}

function sessionMetrics(registry: Registry): (totals: readonly Totals[]) => void {
  const registers = [registry];
  const counter = (name: string, help: string): Counter<Kind> =>
    new Counter({ name, help, labelNames: KIND, registers });
  const running = new Gauge({ name: 'millrace_sessions', help: 'Sessions now', labelNames: KIND, registers });
  const ended = new Counter({
    name: 'millrace_sessions_ended_total',
    help: 'Sessions that have ended, by the reason that callbacks tell as well',
    ...{ labelNames: [...KIND, 'reason'], registers },
  });
  const counters = [
    ['started', counter('millrace_sessions_started_total', 'Sessions that were let in')],
    ['readBytes', counter('millrace_received_bytes_total', 'Bytes received of sessions, protocol overhead included')],
    ['wroteBytes', counter('millrace_sent_bytes_total', 'Bytes sent to sessions, protocol overhead included')],
    ['droppedFrames', counter('millrace_dropped_frames_total', 'Frames left out for players that were too slow')],
    ['lostPackets', counter('millrace_rtp_lost_packets_total', 'RTP packets of publishers that did not come')],
  ] as const;
  return (totals) => {
    for (const metric of [running, ended, ...counters.map(([, each]) => each)]) metric.reset();
    for (const { protocol, baseType: base_type, ...sums } of totals) {
      running.set({ protocol, base_type }, sums.running);
      for (const [field, metric] of counters) metric.inc({ protocol, base_type }, sums[field]);
      for (const [reason, count] of sums.ended) ended.inc({ protocol, base_type, reason }, count);
    }
  };
}

function streamMetrics(registry: Registry): (groups: readonly GroupSnapshot[], rates: readonly StreamRates[]) => void {
  const registers = [registry];
  const gauge = (name: string, help: string): Gauge<'stream'> =>
    new Gauge({ name, help, labelNames: ['stream'], registers });
  const streams = new Gauge({
    name: 'millrace_streams',
    help: 'Streams that are published or pulled, and those whose players wait for it',
    ...{ labelNames: ['state'], registers },
  });
  const gauges = [
    ['readBytesPerSec', gauge('millrace_stream_received_bytes_per_second', 'Rate at which a stream comes in')],
    ['wroteBytesPerSec', gauge('millrace_stream_sent_bytes_per_second', 'Rate at which a stream goes out, to all')],
    ['framesPerSec', gauge('millrace_stream_video_frames_per_second', 'Video frames of a stream that come in')],
    ['players', gauge('millrace_stream_players', 'Sessions that play a stream')],
  ] as const;
  return (groups, rates) => {
    const published = groups.filter(({ pub, pull }) => pub !== null || pull !== null).length;
    streams.set({ state: 'published' }, published);
    streams.set({ state: 'waiting' }, groups.length - published);
    for (const [, metric] of gauges) metric.reset();
    for (const each of rates) {
      for (const [field, metric] of gauges) metric.set({ stream: each.stream }, each[field]);
    }
  };
}
