/** The model check: the real script on a real Redis and the real node state machine, in adversarial histories. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadRedisScript } from '../../src/stores/redis/connection/redis-script.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { play } from './scenes.ts';
import { createScriptRunner } from './script-runner.ts';
import type { Scene } from './world.ts';

const RESERVE_SCRIPT = loadRedisScript('reserve').lua;

/** `MODEL_HISTORIES=100000 MODEL_SEED=1 vitest run test/model` is the long run. */
const { MODEL_HISTORIES = '2000', MODEL_SEED = '1' } = process.env;
const HISTORIES = Number(MODEL_HISTORIES);
const SEED = Number(MODEL_SEED);

let redis: OwnRedis;
beforeAll(async () => {
  redis = await startOwnRedis();
});
afterAll(() => redis.stop());

describe('the counter protocol', () => {
  test(`repeats no value and loses none without a record, in ${HISTORIES} histories`, {
    timeout: 3_600_000,
  }, async () => {
    const runner = await createScriptRunner(redis.client, RESERVE_SCRIPT);
    const started = performance.now();
    const tally = await play({ runner, firstSeed: SEED, histories: HISTORIES });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(JSON.stringify({ ...tally, entries: runner.entriesRun, seconds }));
    expect(tally.histories).toBe(HISTORIES);
    for (const sort of [
      'taken',
      'returned',
      'offer',
      'recall',
      'exhausted',
      'nothing',
      'stale',
      'repeated',
      'advanced',
      'behind',
    ])
      expect(tally.met[sort], sort).toBeGreaterThan(HISTORIES / 100);
  });

  test('repeats no value among nodes whose records were folded away while they live', {
    timeout: 3_600_000,
  }, async () => {
    const script = RESERVE_SCRIPT.replace('NODES_MAX = 64', 'NODES_MAX = 6').replace(
      'KEEP_SECONDS = 600',
      'KEEP_SECONDS = -1',
    );
    const runner = await createScriptRunner(redis.client, script);
    const alter = (scene: Scene): Scene => ({ ...scene, forgetful: true, nodesMax: 5, steps: scene.steps * 2 });
    const histories = Math.ceil(HISTORIES / 5);
    const tally = await play({ runner, firstSeed: SEED + 1_000_000_000, histories, alter });
    console.log(JSON.stringify({ ...tally, entries: runner.entriesRun }));
    const { forgotten } = tally.met;
    expect(forgotten).toBeGreaterThan(histories / 10);
  });

  test.each([
    ['kept elsewhere, whatever befalls them', 'kept'],
    ['kept by themselves, when those who know what was lost are alive', 'alone'],
  ] as const)(
    'repeats no value and loses none without a record when servers forget, with ceilings %s',
    {
      timeout: 3_600_000,
    },
    async (_title, fence) => {
      const runner = await createScriptRunner(redis.client, RESERVE_SCRIPT);
      const alter = (scene: Scene): Scene => ({ ...scene, fence, crashes: scene.crashes && fence === 'kept' });
      const started = performance.now();
      const tally = await play({
        runner,
        firstSeed: SEED + (fence === 'kept' ? 2_000_000_000 : 3_000_000_000),
        histories: HISTORIES,
        alter,
      });
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(JSON.stringify({ fence, ...tally, entries: runner.entriesRun, seconds }));
      const sorts = ['taken', 'returned', 'offer', 'recovering', 'reports', 'exact', 'repeated'];
      for (const sort of fence === 'kept' ? [...sorts, 'forgotten', 'jump', 'ceiling'] : sorts)
        expect(tally.met[sort], sort).toBeGreaterThan(HISTORIES / 100);
    },
  );
});
