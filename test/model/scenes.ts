/** The settings histories play in: ordinary ones, short series, and the edges where doubles and 64 bits end. */
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { createRandom, type Random } from './random.ts';
import type { Scene, SequenceTerms } from './world.ts';

const EDGES: readonly bigint[] = [10n ** 15n, 2n ** 53n, 2n ** 63n, 10n ** 19n, VALUE_MAX - 200n];

const makeTerms = (random: Random): SequenceTerms => {
  const edge = random.chance(0.15);
  const origin = edge
    ? random.pick(EDGES) - BigInt(random.below(120))
    : BigInt(random.chance(0.7) ? 0 : random.below(50));
  const short = random.chance(0.2);
  return {
    origin,
    limit: short && origin < VALUE_MAX - 400n ? origin + BigInt(20 + random.below(250)) : VALUE_MAX,
    standbySize: random.pick([5, 5, 5, 3, 12, 40, 0]),
  };
};

/**
 * What befalls the servers. `none`: nothing. `forgetful`: their records of nodes are folded away at once. `kept`: anything,
 * and others keep the ceilings. `alone`: they forget, and those who know what was lost are alive.
 */
export type SceneKind = 'none' | 'forgetful' | 'kept' | 'alone';

export const FIRST_SEEDS: Readonly<Record<SceneKind, number>> = {
  none: 0,
  forgetful: 1_000_000_000,
  kept: 2_000_000_000,
  alone: 3_000_000_000,
};

/** Shorter than in production, so that everything that waits happens within a history. */
const makeLimits = (random: Random, kind: SceneKind, latencyMs: number, isLong: boolean): Scene['limits'] => ({
  waitingMax: random.chance(0.1) ? 6 : 20_000,
  callEntriesMax: random.pick([1_000, 1_000, 3, 1]),
  entryValuesMax: random.pick([1_000_000, 40]),
  queuesMax: random.chance(0.05) ? 1 : 100_000,
  patienceMs: random.pick([3, 10]) * latencyMs,
  tickMs: isLong ? 60_000 : random.pick([800, 2_500, 5_000]),
  reportTicksMax: random.pick([2, 12]),
  // Alone, a node that has left knows what its server may forget.
  idleTicksMax: kind === 'alone' ? 100_000 : random.pick([2, 3, 720]),
  renewMs: isLong ? 120_000 : random.pick([3_000, 20_000]),
  // Longer than for a silent node, which is waited for 3 s; no longer than needed, for reports are most of what is played.
  livingPatienceMs: 5_000,
  ceilingsMax: random.pick([1_000, 1]),
  ceilingValuesMin: random.pick([100, 100, 30]),
});

/** What is the same in all scenes. */
export type Alteration = Partial<Pick<Scene, 'keyed' | 'isLong' | 'doubling' | 'advances' | 'crashes'>>;

export const makeScene = (seed: number, kind: SceneKind, alter: Alteration = {}): { scene: Scene; random: Random } => {
  const random = createRandom(seed);
  const latencyMs = random.pick([10, 40, 120, 300]);
  const isLong = (kind === 'kept' && random.chance(0.08)) || alter.isLong === true;
  const sequences = random.pick([1, 1, 1, 1, 2, 3]);
  const scene: Scene = {
    seed,
    sequences: Array.from({ length: sequences }, () => makeTerms(random)),
    acts: 15 + random.below(kind === 'forgetful' ? 120 : 60),
    paceMs: isLong ? 20_000 : latencyMs * random.pick([0.3, 1, 2]),
    latencyMs,
    timeoutMs: Math.max(800, latencyMs * random.pick([5, 10])),
    loss: kind === 'alone' ? random.pick([0, 0.05]) : random.pick([0, 0.05, 0.12]),
    doubling: random.pick([0.02, 0.12]),
    stalls: random.chance(0.3),
    isLong,
    countMax: random.pick([6, 12, 40]),
    nodesMax: kind === 'forgetful' ? 5 : 2 + random.below(3),
    forgetful: kind === 'forgetful',
    crashes: kind !== 'alone' && random.chance(0.6),
    advances: random.chance(0.3),
    keyed: seed % 2 === 1,
    claims: random.chance(0.5),
    replicas: (kind === 'none' || kind === 'alone') && random.chance(0.2),
    fence: kind === 'forgetful' ? 'none' : kind,
    limits: makeLimits(random, kind, latencyMs, isLong),
    ...alter,
  };
  return { scene, random };
};
