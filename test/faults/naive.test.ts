/** The checker is no rubber stamp: a naive counter under the same faults is caught, with gaps and with duplicates. */
import { readdirSync, truncateSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Verdict } from './account.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { startNaiveNode } from './naive-node.ts';
import { onAllLinks, USUAL_LOAD } from './scenes.ts';
import { until } from './until.ts';

/** Some 200 INCR in the append-only file. */
const CUT_BYTES = 6_000;

const startNaiveFleet = async (): Promise<Fleet> => {
  const fleet = await startFleet({ startNode: startNaiveNode });
  fleet.startLoad(USUAL_LOAD);
  await until('all clients are at work', () => fleet.count({ status: 200 }) > 300);
  return fleet;
};

const countOf = ({ findings }: Verdict, kind: string): number =>
  findings.filter((finding) => finding.kind === kind).length;

test('replies swallowed, then the connection reset: the naive counter loses values without a record', async () => {
  await using fleet = await startNaiveFleet();
  for (let round = 0; round < 5; round += 1) {
    await fleet.disturb(async () => {
      const fromMs = performance.now();
      const swallowing = { type: 'reset_peer', stream: 'downstream', attributes: { timeout: 150 } } as const;
      await onAllLinks(fleet, ({ proxy }) => proxy.add(swallowing));
      await until('the segment serves', () => fleet.count({ source: 'standby' }, fromMs) > 30);
      await onAllLinks(fleet, ({ proxy }) => proxy.heal());
    });
  }
  const verdict = await fleet.finish();
  expect(countOf(verdict, 'unexplained')).toBeGreaterThan(0);
});

test('Redis killed, and the last writes of its file lost: the naive counter hands out numbers twice', async () => {
  await using fleet = await startNaiveFleet();
  await fleet.disturb(async () => {
    await fleet.redis.kill();
    const dir = join(fleet.redis.dir, 'appendonlydir');
    const file = join(dir, readdirSync(dir).find((name) => name.includes('.incr.')) ?? '');
    truncateSync(file, (await stat(file)).size - CUT_BYTES);
    await fleet.redis.restart();
  });
  const verdict = await fleet.finish();
  expect(countOf(verdict, 'duplicate')).toBeGreaterThan(0);
});

test('three nodes restarted one after the other: the naive counter loses what they had leased', async () => {
  await using fleet = await startNaiveFleet();
  for (const node of fleet.nodes) {
    await fleet.stop(node);
    await fleet.start(node);
  }
  const verdict = await fleet.finish();
  expect(countOf(verdict, 'unexplained')).toBeGreaterThan(500);
});
