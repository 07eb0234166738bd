/** Nodes that number from segments of their own, killed under load: nothing twice, and all of theirs stands under their names. */
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { createHistory } from '../support/history.ts';
import { startRedisServer } from '../support/redis.ts';
import { type Service, startService } from '../support/service.ts';
import { isReady } from './service-calls.ts';
import { type HeldRange, readStoredSequence } from './stored-sequence.ts';
import { until } from './until.ts';

const KEY = 'S';
const CLIENTS_PER_NODE = 4;
const PAUSE_MS = 5;
/** Several segments of each process: the first have a hundred values. */
const NUMBERS_BETWEEN_KILLS = 600;

test('three nodes killed one after the other (kill -9): nothing twice, every value issued, recorded or in a range of a killed node', async () => {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedisServer({ appendonly: true }));
  const client = new Redis(redis.url);
  stack.defer(() => client.disconnect());
  const launch = async (): Promise<Service> => {
    const service = stack.use(await startService({ env: { REDIS_URL: redis.url, LOG_LEVEL: 'info' } }));
    await until('the node is ready', () => isReady(service.url));
    return service;
  };
  const history = createHistory();
  const nodes = await Promise.all(['a', 'b', 'c'].map(async (label) => ({ label, process: await launch() })));
  const [first] = nodes;
  const registered = await fetch(`${first?.process.url}/api/prefix-configs/${KEY}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ format: `${KEY}-{SEQ:6}`, strategy: 'segment' }),
  });
  expect(registered.status).toBe(200);
  for (const node of nodes) {
    const asked = {
      label: node.label,
      get url() {
        return node.process.url;
      },
    };
    for (let index = 1; index <= CLIENTS_PER_NODE; index += 1)
      history.startClient(`${node.label}${index}`, { node: asked, prefixKey: KEY, pauseMs: PAUSE_MS });
  }
  const issuedBy = (label: string): number =>
    history.records.filter(({ node, status }) => node === label && status === 200).length;
  for (const node of nodes) {
    const before = issuedBy(node.label);
    await until('several segments are used', () => issuedBy(node.label) > before + NUMBERS_BETWEEN_KILLS);
    await node.process.kill();
    node.process = await launch();
  }
  const counts = nodes.map(({ label }) => issuedBy(label));
  await until('the new ones number', () => nodes.every(({ label }, at) => issuedBy(label) > (counts[at] ?? 0) + 100));
  await history.stopClients();
  expect(await Promise.all(nodes.map(({ process }) => process.stop()))).toEqual([0, 0, 0]);

  const numbers = history.records.flatMap((record) => record.numbers);
  const issued = new Set(numbers.map((number) => Number(number.slice(KEY.length + 1))));
  expect(issued.size).toBe(numbers.length);
  expect(history.records.filter(({ status, error }) => status !== 200 && error === undefined)).toEqual([]);
  const { counter, ahead, free, gaps, lastRanges } = await readStoredSequence(client, KEY);
  expect(ahead).toEqual([]);
  const holds = (ranges: readonly HeldRange[], value: number): boolean =>
    ranges.some((range) => range.first <= value && value <= range.last);
  // What the nodes that stopped in good order gave back, and nobody has asked for since.
  expect([...issued].filter((value) => holds(free, value))).toEqual([]);
  const unexplained: number[] = [];
  let withKilled = 0;
  for (let value = 1; value <= counter; value += 1) {
    if (issued.has(value) || holds(free, value)) continue;
    if (holds(lastRanges, value) || holds(gaps, value)) withKilled += 1;
    else unexplained.push(value);
  }
  expect(unexplained).toEqual([]);
  expect(gaps.every(({ reason }) => reason === 'node-crash')).toBe(true);
  // Each of the killed had a segment in use, and perhaps the next one.
  expect(withKilled).toBeGreaterThan(0);
  console.log(`segments under kill -9: ${numbers.length} issued up to ${counter}, ${withKilled} with killed nodes`);
});
