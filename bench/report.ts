/** The tables that a run prints. */
import { type Spread, spreadOf } from './figures.ts';
import type { HalfRateResult } from './half-rate.ts';
import type { MachineReading } from './machine.ts';
import type { CellResult, ScenarioResult } from './rounds.ts';

export interface BenchResult {
  readonly machine: MachineReading;
  readonly rounds: number;
  readonly seconds: number;
  readonly scenarios: readonly ScenarioResult[];
  readonly halfRate: HalfRateResult | undefined;
}

type Row = readonly string[];

const whole = (spread: Spread | undefined): string =>
  spread === undefined ? '–' : Math.round(spread.median).toLocaleString('en-US');
const decimal = (spread: Spread | undefined, places: number): string =>
  spread === undefined ? '–' : spread.median.toFixed(places);
const withRange = (spread: Spread | undefined): string =>
  spread === undefined ? '–' : `${spread.median.toFixed(2)} (${spread.min.toFixed(2)}–${spread.max.toFixed(2)})`;
const ms = (spread: Spread | undefined): string => (spread === undefined ? '–' : (spread.median / 1_000).toFixed(1));

const HEAD: Row = [
  'what',
  'requests/s',
  'numbers/s',
  'ratio',
  'CPU ratio',
  'server µs',
  'Redis µs',
  'Redis cores',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'MB',
  'failed',
  'distinct',
];

const rowOf = (cell: CellResult): Row => [
  cell.label,
  whole(cell.requestsPerSecond),
  whole(cell.numbersPerSecond),
  withRange(cell.ratio),
  withRange(cell.cpuRatio),
  decimal(cell.serverUs, 1),
  decimal(cell.redisUs, 1),
  decimal(cell.redisCores, 2),
  ms(cell.p50Us),
  ms(cell.p95Us),
  ms(cell.p99Us),
  cell.memoryMb === undefined ? '–' : cell.memoryMb.toFixed(0),
  String(cell.failed),
  cell.distinct === undefined ? '–' : `${cell.distinct.distinct} of ${cell.distinct.numbers}`,
];

const table = (rows: readonly Row[]): string => {
  const [head = [], ...rest] = rows;
  const line = (cells: Row): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rest.map(line)].join('\n');
};

const scenarioText = ({ name, title, cells, absent }: ScenarioResult): string => {
  const missing = Object.entries(absent).map(([subject, reason]) => `${subject} is missing: ${reason}`);
  return [`### ${title} (${name})`, '', table([HEAD, ...cells.map(rowOf)]), ...missing].join('\n');
};

const halfRateText = ({ requestsPerSecond, bare, redis, p99Ratio }: HalfRateResult): string => {
  const row = (name: string, results: HalfRateResult['bare']): Row => [
    name,
    decimal(spreadOf(results.map((result) => result.averageMs)), 2),
    decimal(spreadOf(results.map((result) => result.p50Ms)), 2),
    decimal(spreadOf(results.map((result) => result.p99Ms)), 2),
  ];
  return [
    `### Latency at half of the maximal rate: ${Math.round(requestsPerSecond)} requests/s, 64 connections`,
    '',
    table([['what', 'average ms', 'p50 ms', 'p99 ms'], row('bare', bare), row('redis', redis)]),
    `p99 against bare, within the round: ${withRange(p99Ratio)}`,
  ].join('\n');
};

/** Markdown, as docs/performance.md shows it. */
export const renderReport = ({ machine, rounds, seconds, scenarios, halfRate }: BenchResult): string => {
  const { cpu, cores, memoryGb, system, node, loadBefore, pinned, date } = machine;
  const header = [
    `${date}, ${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}`,
    `${rounds} rounds of ${seconds} s; ${pinned ? 'the server pinned to a core of its own' : 'nothing pinned'}; load before: ${loadBefore.toFixed(1)}`,
    'Median of the rounds; ratios are taken within a round, against the first line: median (lowest–highest).',
  ].join('\n');
  const parts = [header, ...scenarios.map(scenarioText)];
  if (halfRate !== undefined) parts.push(halfRateText(halfRate));
  return `${parts.join('\n\n')}\n`;
};
