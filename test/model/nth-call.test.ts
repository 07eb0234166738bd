/** The n-th call of a port fails, for every n: it is never made, or it is made and its answer is lost. All promises hold. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadRedisScript } from '../../src/stores/redis/connection/redis-script.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { advance, PLAIN_WISH, request, requestKeyed } from './clients.ts';
import { clear, createWorld, play } from './history.ts';
import { startNode } from './nodes.ts';
import { createRandom } from './random.ts';
import { createScriptRunner, type ScriptRunner } from './script-runner.ts';
import { restart } from './servers.ts';
import type { Mishap, ModelNode, Scene, World } from './world.ts';

const SCENE: Scene = {
  seed: 1,
  sequences: [{ origin: 0n, limit: 1_000n, standbySize: 5 }],
  acts: 0,
  paceMs: 20,
  latencyMs: 5,
  timeoutMs: 800,
  loss: 0,
  doubling: 0,
  stalls: false,
  isLong: false,
  countMax: 6,
  nodesMax: 2,
  forgetful: false,
  crashes: false,
  advances: true,
  keyed: true,
  claims: true,
  replicas: false,
  fence: 'kept',
  limits: { ceilingValuesMin: 30, tickMs: 5_000, idleTicksMax: 100 },
};

interface Plot {
  readonly name: string;
  readonly scene: Partial<Scene>;
  /** What happens, and when: ms after the begin. */
  readonly happens: (
    world: World,
    nodes: readonly [ModelNode, ModelNode],
  ) => readonly (readonly [number, () => void])[];
  readonly endsMs: number;
}

const take = (world: World, node: ModelNode, count = 3): void => {
  for (const book of world.books) request(world, node, book, { ...PLAIN_WISH, count });
};

const keyed = (world: World, node: ModelNode, key: string): void => {
  for (const book of world.books) requestKeyed(world, node, book, key, false);
};

const moveOn = (world: World, node: ModelNode): void => {
  for (const book of world.books) advance(world, node, book, 100n);
};

const restartServer = (world: World): void => {
  for (const server of world.servers) restart(world, server);
  world.era += 1;
};

const TAKES: Plot['happens'] = (world, [a, b]) => [
  [0, () => take(world, a)],
  [200, () => take(world, b)],
  [400, () => take(world, a, 6)],
];

const RECOVERS: Plot['happens'] = (world, [a, b]) => [
  ...TAKES(world, [a, b]),
  [600, () => restartServer(world)],
  [620, () => take(world, a)],
  [640, () => take(world, b)],
  [3_000, () => take(world, b)],
];

const PLOTS: readonly Plot[] = [
  { name: 'values are taken', scene: {}, happens: TAKES, endsMs: 800 },
  { name: 'values are taken, and nobody else keeps ceilings', scene: { fence: 'none' }, happens: TAKES, endsMs: 800 },
  {
    name: 'values of three sequences are taken',
    scene: { sequences: [1n, 2n, 3n].map((origin) => ({ origin, limit: 1_000n, standbySize: 3 })) },
    happens: TAKES,
    endsMs: 800,
  },
  { name: 'two nodes recover', scene: {}, happens: RECOVERS, endsMs: 4_000 },
  { name: 'two nodes recover alone', scene: { fence: 'alone' }, happens: RECOVERS, endsMs: 4_000 },
  {
    name: 'the ceiling is met',
    scene: {},
    happens: (world, [a, b]) => [
      [0, () => take(world, a, 25)],
      [100, () => take(world, b, 25)],
      [200, () => take(world, a, 40)],
      [250, () => take(world, b, 40)],
    ],
    endsMs: 1_500,
  },
  {
    name: 'replicas confirm the ceiling',
    scene: { fence: 'none', replicas: true },
    happens: (world, [a, b]) => [
      [0, () => take(world, a, 25)],
      [100, () => take(world, b, 40)],
      [200, () => take(world, a, 40)],
    ],
    endsMs: 1_500,
  },
  {
    name: 'an idle sequence is left, and met again',
    scene: { limits: { ...SCENE.limits, tickMs: 300, idleTicksMax: 2 } },
    happens: (world, [a]) => [
      [0, () => take(world, a)],
      [2_000, () => take(world, a)],
    ],
    endsMs: 4_000,
  },
  {
    name: 'an operator moves the sequence',
    scene: {},
    happens: (world, [a, b]) => [
      [0, () => take(world, a)],
      [200, () => moveOn(world, b)],
      [900, () => take(world, a)],
    ],
    endsMs: 2_000,
  },
  {
    name: 'requests come with keys',
    scene: {},
    happens: (world, [a, b]) => [
      [0, () => keyed(world, a, 'k0')],
      [50, () => keyed(world, b, 'k0')],
      [300, () => keyed(world, b, 'k4')],
      [301, () => take(world, b)],
      [600, () => keyed(world, a, 'k4')],
    ],
    endsMs: 2_500,
  },
];

let redis: OwnRedis;
let runner: ScriptRunner;
let stories = 0;
beforeAll(async () => {
  redis = await startOwnRedis();
  runner = await createScriptRunner(redis.client, loadRedisScript('reserve').lua);
});
afterAll(() => redis.stop());

/** @returns how many calls were made. */
const tellStory = async ({ scene, happens, endsMs }: Plot, mishap: Mishap): Promise<number> => {
  stories += 1;
  const world = createWorld({ ...SCENE, ...scene, seed: stories }, createRandom(7), runner, { mishap });
  const nodes = [startNode(world), startNode(world)] as const;
  const { timeline } = world;
  let plannedCalls = 0;
  try {
    await play(world, () => {
      const startMs = timeline.nowMs;
      for (const [atMs, happen] of happens(world, nodes)) timeline.plan(startMs + atMs, happen);
      return startMs + endsMs;
    });
    plannedCalls = world.asked;
  } finally {
    await clear(world);
  }
  return plannedCalls;
};

describe('whichever call fails', () => {
  test.each(PLOTS)('when $name', { timeout: 120_000 }, async (plot) => {
    const calls = await tellStory(plot, { nth: 0, loses: 'request' });
    const ways = (['request', 'reply'] as const).flatMap((loses) =>
      Array.from({ length: calls }, (_, i) => ({ nth: i + 1, loses })),
    );
    const outcomes = await Promise.all(
      ways.map((mishap) =>
        tellStory(plot, mishap).then(
          () => [],
          (error: unknown) => [`the ${mishap.loses} of call ${mishap.nth} of ${calls} was lost: ${error}`],
        ),
      ),
    );
    expect(calls).toBeGreaterThan(5);
    expect(outcomes.flat()).toEqual([]);
  });
});
