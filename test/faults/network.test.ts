/** Faults of the links between the nodes and Redis: no number twice, none lost, nothing pending. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startFleet } from './fleet.ts';
import { expectWhole, onAllLinks, spoilLinks, startUsualLoad, untilNoticed, untilServedFromStandby } from './scenes.ts';
import { until } from './until.ts';

test('replies swallowed, then the connection reset: the calls are repeated, nothing is taken twice or lost', async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  for (let round = 0; round < 5; round += 1) {
    await fleet.disturb(() =>
      spoilLinks(fleet, { type: 'reset_peer', stream: 'downstream', attributes: { timeout: 150 } }),
    );
  }
  await expectWhole(fleet);
});

test('replies swallowed on one link alone: the other nodes go on as ever', async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  const [alone] = fleet.nodes;
  await fleet.disturb(async () => {
    await alone.proxy.add({ type: 'timeout', stream: 'downstream', attributes: { timeout: 0 } });
    await until('the standby serves', () => fleet.count({ node: alone.label, source: 'standby' }) > 200);
    await alone.proxy.heal();
  });
  expect(fleet.history.records.filter(({ source, node }) => source === 'standby' && node !== alone.label)).toEqual([]);
  await expectWhole(fleet);
});

test('requests lost: they are repeated, nothing is lost', async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  for (let round = 0; round < 3; round += 1) {
    await fleet.disturb(() => spoilLinks(fleet, { type: 'timeout', stream: 'upstream', attributes: { timeout: 0 } }));
  }
  await expectWhole(fleet);
});

test('replies that come after the timeout are not taken for new ones', async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  await fleet.disturb(async () => {
    const late = { type: 'latency', stream: 'downstream', attributes: { latency: 1_000 } } as const;
    await untilNoticed(fleet, () => onAllLinks(fleet, ({ proxy }) => proxy.add(late)));
    await untilServedFromStandby(fleet, 200);
    await onAllLinks(fleet, ({ proxy }) => proxy.heal());
  });
  await expectWhole(fleet);
});

test('a reset every 100 ms: numbers go on, from Redis and from the standby', async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  await fleet.disturb(async () => {
    for (let round = 0; round < 40; round += 1) {
      await onAllLinks(fleet, ({ proxy }) => proxy.cut());
      await delay(100);
    }
  });
  expect(fleet.count({ source: 'standby' })).toBeGreaterThan(0);
  await expectWhole(fleet);
});

test('half a reply, then the connection closed: the call is repeated', async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  for (let bytes = 3; bytes < 40; bytes += 4) {
    await fleet.disturb(() => spoilLinks(fleet, { type: 'limit_data', stream: 'downstream', attributes: { bytes } }));
  }
  await expectWhole(fleet);
});

test('latency of 500 ± 400 ms: every request is answered, by Redis or by the standby', async () => {
  await using fleet = await startFleet({ env: { REDIS_TIMEOUT_MS: '1000' } });
  await startUsualLoad(fleet);
  await fleet.disturb(async () => {
    const jittery = { type: 'latency', stream: 'downstream', attributes: { latency: 500, jitter: 400 } } as const;
    await onAllLinks(fleet, ({ proxy }) => proxy.add(jittery));
    await delay(6_000);
    await onAllLinks(fleet, ({ proxy }) => proxy.heal());
  });
  expect(fleet.count({ source: 'standby' })).toBeGreaterThan(0);
  await expectWhole(fleet);
});
