/** Normal running, slow and fast: 1, 2, 3, … without a hole or a jump, whatever node is asked. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Fleet, KEY, startFleet } from './fleet.ts';
import { until } from './until.ts';

const FAST_REQUESTS = 20_000;
const FAST_CLIENTS = 48;

/** Asks one node after the other, that often. */
const askAtIntervals = async (fleet: Fleet, intervalMs: number, requests: number): Promise<void> => {
  for (let index = 0; index < requests; index += 1) {
    const node = fleet.nodes[index % fleet.nodes.length] ?? fleet.nodes[0];
    await Promise.all([fleet.history.ask(`every ${intervalMs} ms`, node, KEY), delay(intervalMs)]);
  }
};

test.each([1, 3])(
  '%i node(s): at 1, at 10 and at as many requests per second as they can, each value is the next one',
  async (nodes) => {
    await using fleet = await startFleet({ nodes, env: { REDIS_TIMEOUT_MS: '1000' } });
    await askAtIntervals(fleet, 1_000, 6);
    await askAtIntervals(fleet, 100, 30);
    const startMs = performance.now();
    fleet.startLoad({ clientsPerNode: FAST_CLIENTS / nodes, pauseMs: 0 });
    const { length } = fleet.history.records;
    await until('enough requests', () => fleet.history.records.length - length >= FAST_REQUESTS);
    const requests = fleet.history.records.length - length;
    const perSecond = Math.round(requests / ((performance.now() - startMs) / 1_000));
    console.log(`${nodes} node(s): ${perSecond} requests per second from ${FAST_CLIENTS} clients`);
    const verdict = await fleet.finish({ order: 'global' });
    expect(verdict.findings).toEqual([]);
    expect(fleet.history.records.filter(({ source }) => source !== 'redis')).toEqual([]);
    const { counter, free } = await fleet.readStored();
    expect({ issued: verdict.issued, highest: verdict.highest, counter, free, gaps: verdict.recordedGaps }).toEqual({
      issued: fleet.history.records.length,
      highest: fleet.history.records.length,
      counter: fleet.history.records.length,
      free: [],
      gaps: 0,
    });
  },
);
