/** Faults of the links between the nodes and Redis: no number twice, none lost, nothing pending. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type Fleet, startFleet, until } from './fleet.ts';

const LOAD = { clientsPerNode: 4, pauseMs: 20 };

/** The same on every link at a time. */
const onAllLinks = (fleet: Fleet, work: (node: Fleet['nodes'][number]) => Promise<unknown>): Promise<unknown> =>
  Promise.all(fleet.nodes.map(work));

const outagesOf = (node: Fleet['nodes'][number]): number =>
  node.process.logs().filter(({ event }) => event === 'outage-began').length;
const returnsOf = (node: Fleet['nodes'][number]): number =>
  node.process.logs().filter(({ event }) => event === 'store-returned').length;

/** Until this node noticed an outage more than before. */
const untilNoticed = async (node: Fleet['nodes'][number], work: () => Promise<unknown>): Promise<void> => {
  const before = outagesOf(node);
  await work();
  await until(`node ${node.label} notices the outage`, () => outagesOf(node) > before);
};

const warmUp = (fleet: Fleet): Promise<void> =>
  until('all clients are at work', () => fleet.count({ status: 200, source: 'redis' }) > 300);

const expectWhole = async (fleet: Fleet): Promise<void> => {
  const verdict = await fleet.finish();
  expect(verdict.findings).toEqual([]);
  expect(verdict.recordedGaps).toBe(0);
  expect(fleet.count({ status: 503 })).toBe(0);
};

it('replies swallowed, then the connection reset: the calls are repeated, nothing is taken twice or lost', async () => {
  await using fleet = await startFleet();
  fleet.startLoad(LOAD);
  await warmUp(fleet);
  for (let round = 0; round < 5; round += 1) {
    await fleet.disturb(() =>
      onAllLinks(fleet, async (node) => {
        const attributes = { timeout: 150 };
        await untilNoticed(node, () => node.proxy.add({ type: 'reset_peer', stream: 'downstream', attributes }));
        await node.proxy.heal();
      }).then(() => undefined),
    );
  }
  await expectWhole(fleet);
});

it('replies swallowed on one link alone: the other nodes go on as ever', async () => {
  await using fleet = await startFleet();
  fleet.startLoad(LOAD);
  await warmUp(fleet);
  const [alone] = fleet.nodes;
  await fleet.disturb(async () => {
    await alone.proxy.add({ type: 'timeout', stream: 'downstream', attributes: { timeout: 0 } });
    await until('the standby serves', () => fleet.count({ node: alone.label, source: 'standby' }) > 200);
    await alone.proxy.heal();
  });
  expect(fleet.history.records.filter(({ source, node }) => source === 'standby' && node !== alone.label)).toEqual([]);
  await expectWhole(fleet);
});

it('requests lost: they are repeated, nothing is lost', async () => {
  await using fleet = await startFleet();
  fleet.startLoad(LOAD);
  await warmUp(fleet);
  for (let round = 0; round < 3; round += 1) {
    await fleet.disturb(() =>
      onAllLinks(fleet, async (node) => {
        const attributes = { timeout: 0 };
        await untilNoticed(node, () => node.proxy.add({ type: 'timeout', stream: 'upstream', attributes }));
        await node.proxy.heal();
      }).then(() => undefined),
    );
  }
  await expectWhole(fleet);
});

it('replies that come after the timeout are not taken for new ones', async () => {
  await using fleet = await startFleet();
  fleet.startLoad(LOAD);
  await warmUp(fleet);
  await fleet.disturb(async () => {
    const late = { type: 'latency', stream: 'downstream', attributes: { latency: 1_000 } } as const;
    await onAllLinks(fleet, (node) => untilNoticed(node, () => node.proxy.add(late)));
    await until('the standby serves', () => fleet.nodes.every(({ label }) => fleet.count({ node: label, source: 'standby' }) > 300));
    await onAllLinks(fleet, (node) => node.proxy.heal());
  });
  await expectWhole(fleet);
});

it('a reset every 100 ms: numbers go on, from Redis and from the standby', async () => {
  await using fleet = await startFleet();
  fleet.startLoad(LOAD);
  await warmUp(fleet);
  await fleet.disturb(async () => {
    for (let round = 0; round < 40; round += 1) {
      await onAllLinks(fleet, (node) => node.proxy.cut());
      await delay(100);
    }
  });
  expect(fleet.count({ source: 'standby' })).toBeGreaterThan(0);
  await expectWhole(fleet);
});

it('half a reply, then the connection closed: the call is repeated', async () => {
  await using fleet = await startFleet();
  fleet.startLoad(LOAD);
  await warmUp(fleet);
  for (let bytes = 3; bytes < 40; bytes += 4) {
    await fleet.disturb(() =>
      onAllLinks(fleet, async (node) => {
        const attributes = { bytes };
        await untilNoticed(node, () => node.proxy.add({ type: 'limit_data', stream: 'downstream', attributes }));
        await node.proxy.heal();
      }).then(() => undefined),
    );
  }
  await expectWhole(fleet);
});

it('latency of 500 ± 400 ms: every request is answered, by Redis or by the standby', async () => {
  await using fleet = await startFleet({ env: { REDIS_TIMEOUT_MS: '1000' } });
  fleet.startLoad(LOAD);
  await warmUp(fleet);
  await fleet.disturb(async () => {
    const jittery = { type: 'latency', stream: 'downstream', attributes: { latency: 500, jitter: 400 } } as const;
    await onAllLinks(fleet, (node) => node.proxy.add(jittery));
    await delay(6_000);
    await onAllLinks(fleet, (node) => node.proxy.heal());
  });
  expect(fleet.count({ source: 'standby' })).toBeGreaterThan(0);
  expect(fleet.nodes.map(returnsOf).every((returns) => returns >= 0)).toBe(true);
  await expectWhole(fleet);
});
