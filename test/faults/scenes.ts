/** What the fault tests have in common: the usual load, faults on all links at once, and the usual verdict. */
import { expect } from 'vitest';
import type { Toxic } from '../support/toxiproxy.ts';
import type { Fleet, FleetNode } from './fleet.ts';
import { until } from './until.ts';

/** About 150 requests a second and node. */
export const USUAL_LOAD = { clientsPerNode: 4, pauseMs: 20 };

/** About 35 requests a second and node: a standby of 1,000 lasts for 25 s. */
export const GENTLE_LOAD = { clientsPerNode: 4, pauseMs: 110 };

export const startUsualLoad = async (fleet: Fleet, load = USUAL_LOAD): Promise<void> => {
  fleet.startLoad(load);
  await until('all clients are at work', () => fleet.count({ status: 200, source: 'redis' }) > 200);
};

export const onAllLinks = async (fleet: Fleet, work: (node: FleetNode) => Promise<unknown>): Promise<void> => {
  await Promise.all(fleet.nodes.map(work));
};

/** Does something, and waits until every node has noticed that its store is away. */
export const untilNoticed = async (fleet: Fleet, work: () => Promise<unknown>): Promise<void> => {
  const outagesOf = ({ process }: FleetNode): number =>
    process.logs().filter(({ event }) => event === 'outage-began').length;
  const before = fleet.nodes.map(outagesOf);
  await work();
  await until('all nodes notice', () => fleet.nodes.every((node, index) => outagesOf(node) > (before[index] ?? 0)));
};

/** Spoils all links until every node has noticed. */
export const spoilLinks = async (fleet: Fleet, toxic: Toxic): Promise<void> => {
  await untilNoticed(fleet, () => onAllLinks(fleet, ({ proxy }) => proxy.add(toxic)));
  await onAllLinks(fleet, ({ proxy }) => proxy.heal());
};

/** Until every node has issued that many more numbers from its standby. */
export const untilServedFromStandby = (fleet: Fleet, numbers: number): Promise<void> => {
  const fromMs = performance.now();
  const served = ({ label }: FleetNode): boolean => fleet.count({ node: label, source: 'standby' }, fromMs) >= numbers;
  return until(`every node has issued ${numbers} standby numbers`, () => fleet.nodes.every(served));
};

/** Nothing twice, nothing missing, nothing recorded as lost, nobody refused. */
export const expectWhole = async (fleet: Fleet): Promise<void> => {
  const verdict = await fleet.finish();
  expect(verdict.findings).toEqual([]);
  expect(verdict.recordedGaps).toBe(0);
  expect(fleet.history.records.filter(({ status }) => status !== 200)).toEqual([]);
};
