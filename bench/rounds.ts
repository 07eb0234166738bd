/** Runs one scenario: starts its subjects, loads its cells in turn, A B C A B C, and looks at the numbers once more. */
import { countDistinct, type DistinctCount } from './distinct.ts';
import { type CellFigures, figuresOf, type Sample } from './figures.ts';
import { type Placement, readCpuUs, readMemoryMb } from './machine.ts';
import type { Cell, Scenario } from './scenarios.ts';
import type { Stores } from './stores.ts';
import { SUBJECTS, type Subject, SubjectAbsentError } from './subjects.ts';
import { runWrk } from './wrk.ts';

export interface RoundsOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly placement: Placement | undefined;
  readonly say: (line: string) => void;
}

export interface CellResult extends CellFigures {
  /** Resident memory of the server after the load, MB. */
  readonly memoryMb: number | undefined;
  readonly distinct: DistinctCount | undefined;
}

export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  readonly cells: readonly CellResult[];
  /** Subjects that could not run here, and why. */
  readonly absent: Readonly<Record<string, string>>;
}

interface Started {
  readonly subjects: ReadonlyMap<string, Subject>;
  readonly absent: Readonly<Record<string, string>>;
}

const startSubjects = async (cells: readonly Cell[], options: RoundsOptions, stores: Stores): Promise<Started> => {
  const subjects = new Map<string, Subject>();
  const absent: Record<string, string> = {};
  for (const { subject: name } of cells) {
    if (subjects.has(name) || name in absent) continue;
    const start = SUBJECTS[name];
    if (start === undefined) throw new Error(`There is no subject ${name}.`);
    try {
      subjects.set(name, await start({ placement: options.placement, stores }));
    } catch (error) {
      if (!(error instanceof SubjectAbsentError)) throw error;
      absent[name] = error.message;
    }
  }
  return { subjects, absent };
};

const urlOf = (subject: Subject, { count }: Cell): string =>
  `${subject.url}${subject.path}${count === undefined ? '' : `&count=${count}`}`;

const measure = async (
  cell: Cell,
  subject: Subject,
  seconds: number,
  redisPid: number | undefined,
): Promise<Sample> => {
  const redisPids = redisPid === undefined ? undefined : [redisPid];
  const before = { server: readCpuUs([subject.pid]), redis: redisPids && readCpuUs(redisPids) };
  const { connections, prefixes, count = 1 } = cell;
  const wrk = await runWrk({ url: urlOf(subject, cell), headers: subject.headers, connections, seconds, prefixes });
  const after = { server: readCpuUs([subject.pid]), redis: redisPids && readCpuUs(redisPids) };
  const used = (from: number | undefined, to: number | undefined): number | undefined =>
    from === undefined || to === undefined ? undefined : to - from;
  const redisUsedUs = used(before.redis, after.redis);
  const serverUsedUs = used(before.server, after.server);
  /** Without a reply there is no cost of one. */
  const perRequest = (usedUs: number | undefined): number | undefined =>
    usedUs === undefined || wrk.requests === 0 ? undefined : usedUs / wrk.requests;
  const perSecond = wrk.requests / (wrk.durationUs / 1_000_000);
  return {
    requestsPerSecond: perSecond,
    numbersPerSecond: perSecond * count,
    serverUs: perRequest(serverUsedUs),
    redisUs: perRequest(redisUsedUs),
    redisCores: redisUsedUs && redisUsedUs / wrk.durationUs,
    p50Us: wrk.p50Us,
    p95Us: wrk.p95Us,
    p99Us: wrk.p99Us,
    failed: wrk.failed,
  };
};

const runCells = async (
  cells: readonly { cell: Cell; subject: Subject; samples: Sample[] }[],
  { rounds, seconds, warmUpSeconds, say }: RoundsOptions,
  redisPid: () => number | undefined,
): Promise<void> => {
  for (const { cell, subject } of cells) await measure(cell, subject, warmUpSeconds, redisPid());
  for (let round = 1; round <= rounds; round += 1) {
    for (const { cell, subject, samples } of cells) {
      const sample = await measure(cell, subject, seconds, redisPid());
      samples.push(sample);
      say(`  round ${round}  ${cell.label}: ${Math.round(sample.requestsPerSecond)} requests/s`);
    }
  }
};

const resultOf = async (
  { cell, subject, samples }: { cell: Cell; subject: Subject; samples: Sample[] },
  base: readonly Sample[],
  withDistinct: boolean,
): Promise<CellResult> => ({
  ...figuresOf(cell.label, samples, base),
  memoryMb: readMemoryMb(subject.pid),
  distinct:
    withDistinct && subject.read !== undefined && cell.prefixes === undefined
      ? await countDistinct(subject, urlOf(subject, cell), cell)
      : undefined,
});

/** @throws when a server does not come up, or the load generator does not run. */
export const runScenario = async (
  scenario: Scenario,
  options: RoundsOptions,
  stores: Stores,
): Promise<ScenarioResult> => {
  const { name, title, redisIsAway = false } = scenario;
  options.say(`${title}`);
  const redis = await stores.redis();
  const { subjects, absent } = await startSubjects(scenario.cells, options, stores);
  try {
    const cells = scenario.cells.flatMap((cell) => {
      const subject = subjects.get(cell.subject);
      return subject === undefined ? [] : [{ cell, subject, samples: [] as Sample[] }];
    });
    if (redisIsAway) {
      // Once, so that there is a standby segment to live on.
      for (const { cell, subject } of cells) await (await fetch(urlOf(subject, cell))).text();
      await redis.stop();
    }
    await runCells(cells, options, () => (redisIsAway ? undefined : redis.pid()));
    const base = cells[0]?.samples ?? [];
    const results: CellResult[] = [];
    for (const cell of cells) results.push(await resultOf(cell, base, !redisIsAway));
    return { name, title, cells: results, absent };
  } finally {
    if (redisIsAway) await redis.restart();
    for (const subject of subjects.values()) await subject.close();
  }
};
