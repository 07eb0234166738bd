/** After a repair: waits until every node replies from Redis for every prefix, and does what an operator would do. */
import { setTimeout as delay } from 'node:timers/promises';
import { POLL_MS } from '../until.ts';
import type { Cluster } from './cluster.ts';
import { registerAll } from './configs.ts';
import { keysOfSequence } from './final-state.ts';

const SETTLE_MS = 30_000;
const SLOW_COMMANDS = 5;
/** A service with PostgreSQL has the configs there, and must put them back by itself. */
const PATIENCE_MS = { withPostgres: 12_000, without: 1_000 };

const areConfigsThere = async ({ redis, build }: Cluster): Promise<boolean> => {
  const keys = build.prefixes.map(({ prefixKey }) => prefixKey);
  const found = await redis.master.client.hmget('prefix_configs', ...keys).catch(() => [null]);
  return found.every((config) => config !== null);
};

/** Nodes remember a config for some seconds, so that its loss shows late: hence Redis is asked, not the nodes. */
const healConfigs = async (cluster: Cluster): Promise<void> => {
  const patienceMs = cluster.postgres === undefined ? PATIENCE_MS.without : PATIENCE_MS.withPostgres;
  const fromMs = performance.now();
  let lost = false;
  while (!(await areConfigsThere(cluster))) {
    if (performance.now() - fromMs > SETTLE_MS) throw new Error('The prefixes cannot be registered.');
    if (performance.now() - fromMs > patienceMs) lost = (await registerAll(cluster).catch(() => [])).length > 0 || lost;
    await delay(POLL_MS);
  }
  if (!lost) return;
  const kind = cluster.postgres === undefined ? 'note' : 'finding';
  cluster.journal.remark(kind, `The prefix configs were lost, and registered again after ${patienceMs} ms.`);
};

/** The slowest of the last commands: a script that takes longer than a node waits is one reason not to recover. */
const describeSlowest = async ({ redis }: Cluster): Promise<string> => {
  const log = await redis.master.client.slowlog('GET', SLOW_COMMANDS).catch(() => []);
  const slow = (log as [number, number, number, string[]][]).map(
    ([, , micros, [name = '']]) => `${name} ${Math.round(micros / 1_000)} ms`,
  );
  return `Slow commands: ${slow.join(', ') || 'none'}.`;
};

/** For whoever must find out why a service does not recover. */
const describeState = async ({ redis }: Cluster, sequence: string): Promise<string> => {
  const [prefixKey = '', period = ''] = sequence.split(':');
  const keys = keysOfSequence(prefixKey, period);
  const { client } = redis.master;
  try {
    const [counter, state] = await Promise.all([client.get(keys.counter), client.hgetall(keys.state)]);
    const fields = Object.entries(state).map(([field, text]) => `${field}=${text}`);
    return `${sequence} in Redis: counter=${counter} ${fields.join(', ')}.`;
  } catch (error) {
    return `${sequence} in Redis: ${error}.`;
  }
};

/** @returns ms from `healedMs` until all nodes served from Redis; undefined when they did not within 30 s. */
export const settle = async (cluster: Cluster, healedMs: number): Promise<number | undefined> => {
  const { nodes, build, journal } = cluster;
  const firsts = new Map<string, number>();
  let fromMs = healedMs;
  const endListening = journal.listen(({ node, prefixKey, startMs, endMs = startMs, source }) => {
    const key = `${node}/${prefixKey}`;
    if (startMs >= fromMs && source === 'redis' && !firsts.has(key)) firsts.set(key, endMs);
  });
  const wanted = nodes.flatMap(({ label }) => build.prefixes.map(({ prefixKey }) => `${label}/${prefixKey}`));
  try {
    if (build.hasApi && !(await areConfigsThere(cluster))) {
      await healConfigs(cluster);
      fromMs = performance.now();
      firsts.clear();
    }
    while (performance.now() - fromMs < SETTLE_MS) {
      if (wanted.every((key) => firsts.has(key))) return Math.max(...firsts.values()) - healedMs;
      await delay(POLL_MS);
    }
  } finally {
    endListening();
  }
  const missing = wanted.filter((key) => !firsts.has(key)).join(', ');
  const states = await Promise.all(journal.sequences().map((sequence) => describeState(cluster, sequence)));
  const slowest = await describeSlowest(cluster);
  const text = `No number from Redis in ${SETTLE_MS} ms for ${missing}. ${slowest} ${states.join(' ')}`;
  journal.remark('finding', text);
  return undefined;
};
