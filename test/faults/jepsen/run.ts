/** One run: starts everything, lets the nemeses loose one after the other, ends in good order, and keeps the history. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../../model/random.ts';
import { until } from '../until.ts';
import { builds } from './builds.ts';
import { type Cluster, ServiceFailure, startCluster } from './cluster.ts';
import { registerAll } from './configs.ts';
import type { RunHistory } from './evidence.ts';
import { readFinalState } from './final-state.ts';
import { createJournal, type Journal } from './journal.ts';
import { startLoad } from './load.ts';
import type { Scene } from './nemesis.ts';
import type { RunOptions } from './options.ts';
import { backUp } from './redis-data.ts';
import { type Print, runNemeses } from './schedule.ts';
import { judge, type Verdict } from './verdict.ts';
import { startWatcher } from './watcher.ts';

const BOUND_MS = 5_000;
const REQUESTS_BEFORE = 200;
const REQUESTS_AFTER_MS = 1_500;

export interface RunResult {
  readonly history: RunHistory;
  readonly verdict: Verdict;
  /** Undefined: not kept. */
  readonly file: string | undefined;
  /** What broke the harness; undefined: nothing. */
  readonly broken: unknown;
}

/** Clients first, then nodes; then a fresh node is asked for the gaps, past all proxies. */
const end = async (cluster: Cluster, originMs: number, stopWatcher: () => Promise<void>): Promise<void> => {
  const { journal, nodes, build, redis, postgres } = cluster;
  await delay(REQUESTS_AFTER_MS);
  await journal.history.stopClients();
  await stopWatcher();
  await Promise.all(nodes.filter(({ present }) => present).map((node) => cluster.stop(node)));
  if (!build.hasApi) return void (await record(cluster, originMs, undefined));
  const reader = await build.start({ redisUrl: redis.master.server.url, databaseUrl: postgres?.url, env: {} });
  try {
    await record(cluster, originMs, reader.url);
  } finally {
    await reader.close();
  }
};

const record = async (cluster: Cluster, originMs: number, url: string | undefined): Promise<void> => {
  for (const state of await readFinalState({ cluster, originMs, url })) cluster.journal.sequence(state);
};

const keepLogs = (cluster: Cluster, dir: string): void => {
  mkdirSync(dir, { recursive: true });
  for (const [name, process] of cluster.logs()) {
    writeFileSync(
      join(dir, `${name}.log`),
      process
        .logs()
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
  }
};

interface Stage {
  readonly options: RunOptions;
  readonly journal: Journal;
  readonly dir: string;
  readonly logsDir: string;
  readonly originMs: number;
  readonly print: Print;
}

const play = async ({ options, journal, dir, logsDir, originMs, print }: Stage): Promise<void> => {
  await using stack = new AsyncDisposableStack();
  const cluster = await startCluster(stack, options.backend, builds[options.build], journal);
  try {
    await registerAll(cluster);
    startLoad(cluster);
    await until('the clients are at work', () => journal.requests > REQUESTS_BEFORE);
    const random = createRandom(options.seed);
    const file = join(dir, 'backup.rdb');
    const backup = { file, takenMs: 0 };
    const renewBackup = async (): Promise<void> => {
      await backUp(cluster.redis.master, file);
      backup.takenMs = performance.now();
    };
    await renewBackup();
    const stopWatcher = startWatcher(cluster);
    const scene: Scene = {
      ...cluster,
      backend: options.backend,
      random,
      backup,
      pause: async (fromMs, toMs) => void (await delay(fromMs + random.below(toMs - fromMs + 1))),
    };
    try {
      await runNemeses(options, scene, renewBackup, print).catch((error: unknown) => {
        if (!(error instanceof ServiceFailure)) throw error;
        journal.remark('finding', error.message);
      });
      await end(cluster, originMs, stopWatcher);
    } finally {
      await stopWatcher();
    }
  } finally {
    keepLogs(cluster, logsDir);
  }
};

/** Never throws for what the service did; `broken` tells when the harness itself failed. */
export const runJepsen = async (options: RunOptions, print: Print): Promise<RunResult> => {
  const dir = mkdtempSync(join(tmpdir(), 'jepsen-'));
  const file = options.out ?? join(dir, 'history.jsonl');
  const logsDir = `${file}.logs`;
  mkdirSync(dirname(file), { recursive: true });
  const originMs = performance.timeOrigin;
  const { backend, build, seed, minutes, nemeses } = options;
  const names = nemeses.map(({ name }) => name);
  const { prefixes } = builds[build];
  const journal = createJournal(
    { backend, build, seed, minutes, nemeses: names, originMs, prefixes, boundMs: BOUND_MS },
    file,
  );
  print(`${build} on ${backend}, seed ${seed}, history in ${file}: ${names.join(', ')}`);
  let broken: unknown;
  await play({ options, journal, dir, logsDir, originMs, print }).catch((error: unknown) => {
    broken = error;
  });
  const stopped = journal.history.stopClients();
  await Promise.race([stopped, delay(BOUND_MS)]);
  const history = await journal.finish();
  const verdict = judge(history);
  const keep = options.out !== undefined || verdict.findings.length > 0 || broken !== undefined;
  if (options.out !== undefined || !keep) rmSync(dir, { recursive: true, force: true });
  return { history, verdict, file: keep ? file : undefined, broken };
};
