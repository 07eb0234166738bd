/** The settings histories play in: ordinary ones, short series, and the edges where doubles and 64 bits end. */
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { runHistory } from './history.ts';
import { createRandom, type Random } from './random.ts';
import type { ScriptRunner } from './script-runner.ts';
import { NODE_CODE, type NodeCode, type Scene } from './world.ts';

const EDGES: readonly bigint[] = [10n ** 15n, 2n ** 53n, 2n ** 63n, 10n ** 19n, VALUE_MAX - 200n];

const makeScene = (seed: number, random: Random, code: NodeCode): Scene => {
  const edge = random.chance(0.15);
  const origin = edge
    ? random.pick(EDGES) - BigInt(random.below(120))
    : BigInt(random.chance(0.7) ? 0 : random.below(50));
  const short = random.chance(0.2);
  return {
    seed,
    steps: 100 + random.below(300),
    origin,
    limit: short && origin < VALUE_MAX - 400n ? origin + BigInt(20 + random.below(250)) : VALUE_MAX,
    standbySize: random.pick([5, 5, 5, 3, 12, 40, 0]),
    countMax: random.pick([6, 12, 40]),
    nodesMax: 2 + random.below(4),
    forgetful: false,
    crashes: random.chance(0.6),
    advances: random.chance(0.3),
    keyed: seed % 2 === 1,
    fence: 'none',
    code,
    wrapCeilings: (ceilings) => ceilings,
  };
};

export interface Tally {
  histories: number;
  issued: number;
  crashed: number;
  /** How often each sort of answer was met. */
  readonly met: Record<string, number>;
}

export interface Campaign {
  readonly runner: ScriptRunner;
  readonly firstSeed: number;
  readonly histories: number;
  /** What is exchanged in the node's code. */
  readonly spoilt?: Partial<NodeCode>;
  readonly alter?: (scene: Scene) => Scene;
  /** Takes note of a broken promise, and the campaign goes on. Default: it ends there. */
  readonly onFailure?: (seed: number, error: unknown) => void;
}

const CONCURRENT = 200;

/** Plays `histories` histories, many at a time, each on keys of its own. @throws at the first broken promise. */
export const play = async (campaign: Campaign): Promise<Tally> => {
  const { runner, firstSeed, histories, spoilt, alter = (scene) => scene, onFailure } = campaign;
  const tally: Tally = { histories: 0, issued: 0, crashed: 0, met: {} };
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < histories) {
      const seed = firstSeed + next++;
      const random = createRandom(seed);
      const world = await runHistory(alter(makeScene(seed, random, { ...NODE_CODE, ...spoilt })), random, runner).catch(
        (error: unknown) => {
          if (onFailure === undefined) throw error;
          onFailure(seed, error);
        },
      );
      tally.histories++;
      if (world === undefined) continue;
      for (const server of world.servers) await runner.drop(server.keys);
      for (const [sort, times] of world.met) tally.met[sort] = (tally.met[sort] ?? 0) + times;
      tally.issued += world.issued.size;
      tally.crashed += world.nodes.filter(({ status }) => status === 'crashed').length;
    }
  };
  // After a failure the histories under way are played to their end, so that nothing of them runs on.
  const stopping = (error: unknown): never => {
    next = histories;
    throw error;
  };
  const workers = Array.from({ length: Math.min(CONCURRENT, histories) }, () => worker().catch(stopping));
  const failures = (await Promise.allSettled(workers)).filter(({ status }) => status === 'rejected');
  if (failures[0]?.status === 'rejected') throw failures[0].reason;
  return tally;
};
