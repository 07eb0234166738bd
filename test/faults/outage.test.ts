/** Outages of Redis as a user sees them: standby numbers, then refusals or temporary numbers, and the series whole again afterwards. */
import { expect, test } from 'vitest';
import { type Fleet, type FleetNode, KEY, startFleet } from './fleet.ts';
import { expectWhole, GENTLE_LOAD, onAllLinks, startUsualLoad, untilServedFromStandby } from './scenes.ts';
import { listTemporary, resolveTemporary } from './service-calls.ts';
import { until } from './until.ts';

const OUTAGE_NUMBERS = 400;
const SMALL_STANDBY = 60;

const disconnect = (fleet: Fleet): Promise<void> => onAllLinks(fleet, ({ proxy }) => proxy.disable());
const reconnect = (fleet: Fleet): Promise<void> => onAllLinks(fleet, ({ proxy }) => proxy.enable());

/** Takes numbers until the counter has passed everything that was used ahead of it. */
const passWhatWasUsed = async (fleet: Fleet): Promise<void> => {
  const { ahead } = await fleet.readStored();
  const last = Math.max(...ahead.filter(({ holder }) => holder === '-').map((range) => range.last));
  await until('the counter has passed the outage', async () => {
    await onAllLinks(fleet, (node) => fleet.history.ask('passing', node, KEY, 50));
    return (await fleet.readStored()).counter > last;
  });
};

const refusalsOf = (fleet: Fleet, { label }: FleetNode): number => fleet.count({ node: label, status: 503 });

test(`an outage of ${OUTAGE_NUMBERS} numbers per node on three nodes: none fails, and 1, 2, 3, … are all there afterwards`, async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  await fleet.disturb(async () => {
    await disconnect(fleet);
    await untilServedFromStandby(fleet, OUTAGE_NUMBERS);
    await reconnect(fleet);
  });
  await fleet.disturb(() => passWhatWasUsed(fleet));
  await expectWhole(fleet);
  const { counter, ahead, free } = await fleet.readStored();
  expect({ ahead, free }).toEqual({ ahead: [], free: [] });
  const issued = fleet.history.records.reduce((sum, { numbers }) => sum + numbers.length, 0);
  expect(counter).toBe(issued);
});

test('503 with Retry-After when Redis is away for longer than the standby lasts, and from Redis again afterwards', async () => {
  await using fleet = await startFleet({ env: { STANDBY_SIZE: String(SMALL_STANDBY) } });
  await startUsualLoad(fleet, GENTLE_LOAD);
  await fleet.disturb(async () => {
    const fromMs = performance.now();
    await disconnect(fleet);
    await until('all nodes refuse', () => fleet.nodes.every((node) => refusalsOf(fleet, node) > 50));
    for (const { label, url } of fleet.nodes) {
      expect(fleet.count({ node: label, source: 'standby' }, fromMs)).toBe(SMALL_STANDBY);
      expect((await fetch(`${url}/readyz`)).status).toBe(503);
    }
    await reconnect(fleet);
  });
  await fleet.disturb(() => passWhatWasUsed(fleet));
  const verdict = await fleet.finish();
  expect(verdict.findings).toEqual([]);
  expect(verdict.recordedGaps).toBe(0);
  const refused = fleet.history.records.filter(({ status }) => status !== 200);
  expect(new Set(refused.map(({ status, problem }) => `${status} ${problem}`))).toEqual(
    new Set(['503 STORAGE_UNAVAILABLE']),
  );
  expect(refused.every(({ retryAfter }) => Number(retryAfter) > 0)).toBe(true);
});

test('numbers stay in order after an outage that used up every standby, for the new ones are far enough ahead of what is left', async () => {
  await using fleet = await startFleet({ env: { STANDBY_SIZE: String(SMALL_STANDBY) } });
  await fleet.disturb(async () => {
    // From the beginning, so that the three segments, side by side, are used as a whole.
    await disconnect(fleet);
    fleet.startLoad(GENTLE_LOAD);
    await until('all nodes refuse', () => fleet.nodes.every((node) => refusalsOf(fleet, node) > 0));
    await reconnect(fleet);
  });
  await until('the counter has passed the outage', async () => {
    const { ahead } = await fleet.readStored();
    return !ahead.some(({ holder }) => holder === '-');
  });
  const fromMs = performance.now();
  await until('numbers from behind the outage', () => fleet.count({ status: 200 }, fromMs) > 150);
  const verdict = await fleet.finish();
  expect(verdict.findings).toEqual([]);
  expect(verdict.recordedGaps).toBe(0);
});

test('temporary numbers when the standby is used up: all are handed over, and each is replaced by one real number, once', async () => {
  await using fleet = await startFleet({ outage: 'temporary', env: { STANDBY_SIZE: String(SMALL_STANDBY) } });
  await startUsualLoad(fleet, GENTLE_LOAD);
  await fleet.disturb(async () => {
    await disconnect(fleet);
    const isIssuing = ({ label }: FleetNode): boolean => fleet.count({ node: label, source: 'temporary' }) > 30;
    await until('all nodes issue temporary numbers', () => fleet.nodes.every(isIssuing));
    await reconnect(fleet);
  });
  const issued = fleet.history.records.filter(({ source }) => source === 'temporary').flatMap(({ numbers }) => numbers);
  const [one, other = one] = fleet.nodes;
  await until('all are handed over', async () => (await listTemporary(one.url)).length === issued.length);
  expect((await listTemporary(one.url)).map(({ number }) => number)).toEqual(issued.toSorted());
  for (const number of issued) {
    const startMs = performance.now();
    // At two nodes at the same time, and once more.
    const [first, second] = await Promise.all([resolveTemporary(one.url, number), resolveTemporary(other.url, number)]);
    expect([second, await resolveTemporary(other.url, number)]).toEqual([first, first]);
    fleet.history.note(`operator of ${number}`, one, first, 'redis', startMs);
  }
  expect((await listTemporary(one.url)).filter(({ resolvedNumber }) => resolvedNumber === null)).toEqual([]);
  await fleet.disturb(() => passWhatWasUsed(fleet));
  await expectWhole(fleet);
});
