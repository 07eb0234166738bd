/** What is measured: each scenario compares its cells with the first one, round by round. */

export interface Cell {
  readonly label: string;
  /** A name in SUBJECTS. */
  readonly subject: string;
  readonly connections: number;
  /** Numbers in one request; undefined: one, without a count. */
  readonly count?: number;
  readonly prefixes?: { readonly count: number; readonly spread: 'uniform' | 'zipf' };
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly cells: readonly Cell[];
  /** Redis is stopped before the rounds. */
  readonly redisIsAway?: boolean;
}

const atConnections = (connections: number, subjects: readonly string[]): readonly Cell[] =>
  subjects.map((subject) => ({ label: subject, subject, connections }));

const ON_REDIS = ['bare', 'naive', 'usual', 'webdis', 'redis', 'redis-token'];
const OTHERS = ['sqlite', 'segment', 'snowflake', 'uuidv7', 'gapless', 'one-update'];

const prefixCell = (count: number, spread: 'uniform' | 'zipf', connections: number): Cell => ({
  label: `${count} ${count === 1 ? 'prefix' : `prefixes, ${spread}`}`,
  subject: 'redis-prefixes',
  connections,
  prefixes: { count, spread },
});

const prefixCells = (connections: number): readonly Cell[] => [
  prefixCell(1, 'uniform', connections),
  prefixCell(100, 'uniform', connections),
  prefixCell(100, 'zipf', connections),
  prefixCell(10_000, 'uniform', connections),
  prefixCell(10_000, 'zipf', connections),
];

const batchCell = (count: number): Cell => ({ label: `count=${count}`, subject: 'redis', connections: 64, count });

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'single',
    title: 'One number per request, 1 connection',
    cells: atConnections(1, ['bare', 'naive', 'redis', 'sqlite']),
  },
  {
    name: 'requests',
    title: 'One number per request, 64 connections',
    cells: atConnections(64, [...ON_REDIS, ...OTHERS]),
  },
  {
    name: 'many',
    title: 'One number per request, 1,000 connections',
    cells: atConnections(1_000, [...ON_REDIS, ...OTHERS]),
  },
  { name: 'prefixes', title: 'Many prefixes, 64 connections', cells: prefixCells(64) },
  { name: 'prefixes-many', title: 'Many prefixes, 1,000 connections', cells: prefixCells(1_000) },
  {
    name: 'batch',
    title: 'Many numbers per request, 64 connections',
    cells: [1, 100, 1_000, 10_000].map(batchCell),
  },
  {
    name: 'outage',
    title: 'Redis is away: numbers of the standby segment, 64 connections',
    cells: atConnections(64, ['bare', 'redis-standby']),
    redisIsAway: true,
  },
];
