/** Graphs over time: large ones by uPlot, and the small line in a row of a table. */
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { bitrate } from '../model/format.ts';
import type { History, Line } from '../model/history.ts';
import { useStore } from '../model/store.ts';
import { theme } from '../model/theme.ts';

interface ChartProps {
  readonly title: string;
  readonly lines: readonly ChartLine[];
  /** The lines' times and values as they are now; asked for with every drawing. */
  readonly format: (value: number) => string;
}

interface ChartLine {
  readonly label: string;
  /** A custom property of the style sheet: `--line-1`. */
  readonly color: string;
  readonly line: Line;
}

const HEIGHT = 140;
/** The span of time that is shown at first, while there is little to show. Seconds. */
const MIN_SPAN_SEC = 60;
const X_AXIS_HEIGHT = 26;
const Y_AXIS_WIDTH = 74;

export function Chart({ title, lines, format }: ChartProps): VNode {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const current = useStore(theme);
  // made anew for other colours; data comes by setData
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = new uPlot(optionsFor(element, lines, format), dataOf(lines), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    // colours that follow the system change without a word to us
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const onScheme = (): void => made.redraw();
    scheme.addEventListener('change', onScheme);
    return () => {
      scheme.removeEventListener('change', onScheme);
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [current]);
  useEffect(() => plot.current?.setData(dataOf(lines)));
  const newest = lines.map(({ label, line }) => `${label} ${format(line.values.at(-1) ?? 0)}`);
  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong>
        {lines.map(({ label, color, line }) => (
          <span key={label} class={`legend ${color.slice(2)}`}>
            {lines.length > 1 ? `${label} ` : ''}
            <b>{format(line.values.at(-1) ?? 0)}</b>
          </span>
        ))}
      </figcaption>
      <div ref={place} role="img" aria-label={`${title}: ${newest.join(', ')}`} />
    </figure>
  );
}

/** What goes into the server, and out of it. */
export function BitrateChart({ title, history }: { title: string; history: History }): VNode {
  const lines = [
    { label: 'in', color: '--line-1', line: history.bitsIn },
    { label: 'out', color: '--line-2', line: history.bitsOut },
  ];
  return <Chart title={title} lines={lines} format={bitrate} />;
}

function optionsFor(element: HTMLElement, lines: readonly ChartLine[], format: (value: number) => string) {
  const color = (name: string) => (): string => resolvedColor(element, name);
  const axis = { stroke: color('--text-quiet'), grid: { stroke: color('--border'), width: 1 }, ticks: { show: false } };
  const options: uPlot.Options = {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 26, 0, 0],
    scales: {
      x: { range: (_plot, min, max) => [Math.min(min, max - MIN_SPAN_SEC), max] },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      { ...axis, size: X_AXIS_HEIGHT, space: 70, values: (_plot, seconds) => seconds.map(shortTime) },
      { ...axis, size: Y_AXIS_WIDTH, space: 36, values: (_plot, values) => values.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ label, color: name }) => ({
        label,
        stroke: color(name),
        width: 2,
        points: { show: false },
        spanGaps: true,
      })),
    ],
  };
  return options;
}

/** All lines have the times of the first. */
function dataOf(lines: readonly ChartLine[]): uPlot.AlignedData {
  return [lines[0]?.line.times ?? [], ...lines.map(({ line }) => line.values)];
}

/** A canvas understands no custom properties. */
function resolvedColor(element: HTMLElement, name: string): string {
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = '';
  return color;
}

function shortTime(unixSec: number): string {
  return new Date(unixSec * 1000).toTimeString().slice(0, 8);
}

const SPARK_WIDTH = 96;
const SPARK_HEIGHT = 24;
const SPARK_POINTS = 60;

/** A line without axes. */
export function Sparkline({ line }: { line: Line | null }): VNode {
  const values = line?.values.slice(-SPARK_POINTS) ?? [];
  const max = Math.max(1, ...values);
  const step = SPARK_WIDTH / (SPARK_POINTS - 1);
  const start = SPARK_WIDTH - (values.length - 1) * step;
  const points = values.map((value, i) => {
    const y = SPARK_HEIGHT - 2 - (value / max) * (SPARK_HEIGHT - 4);
    return `${(start + i * step).toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg class="spark" viewBox={`0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`} aria-hidden="true">
      <polyline points={points.join(' ')} />
    </svg>
  );
}
