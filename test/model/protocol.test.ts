/** The model check: the production machine in its production shell, and the real script on a real Redis, in adversarial histories. */
import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import { PHASES } from '../../src/allocators/counter/machine/sequence.ts';
import type { Campaign } from './campaign.ts';
import { playInProcesses } from './processes.ts';
import { FIRST_SEEDS, type SceneKind } from './scenes.ts';

/** `MODEL_HISTORIES=1000000 MODEL_SEED=1 vitest run --project model test/model/protocol.test.ts` is the long run. */
const { MODEL_HISTORIES = '20000', MODEL_SEED = '1' } = process.env;
const HISTORIES = Number(MODEL_HISTORIES);
const SEED = Number(MODEL_SEED);
const PROCESSES = Math.min(8, availableParallelism());

/** Records of more than six nodes are folded away at once, however young they are. */
const FORGETFUL = [
  { from: 'NODES_MAX = 64', to: 'NODES_MAX = 6' },
  { from: 'KEEP_SECONDS = 600', to: 'KEEP_SECONDS = -1' },
];

interface Part {
  readonly title: string;
  readonly kind: SceneKind;
  /** Of all histories. */
  readonly share: number;
  /** Sorts of answers that are met often. */
  readonly sorts: readonly string[];
}

const ALWAYS = ['taken', 'returned', 'offer', 'nothing', 'repeated', 'standby'];
const RECOVERING = [...ALWAYS, 'recovering', 'reports', 'exact'];

const PARTS: readonly Part[] = [
  {
    title: 'repeats no value and loses none without a record',
    kind: 'none',
    share: 0.3,
    sorts: [...ALWAYS, 'recall', 'exhausted', 'stale', 'advanced', 'receipt-new', 'receipt-old'],
  },
  {
    title: 'repeats no value among nodes whose records were folded away while they live',
    kind: 'forgetful',
    share: 0.1,
    sorts: ['taken', 'forgotten'],
  },
  {
    title: 'repeats no value and loses none without a record when servers forget, with ceilings kept elsewhere',
    kind: 'kept',
    share: 0.35,
    sorts: [...RECOVERING, 'forgotten', 'jump', 'ceiling'],
  },
  {
    title:
      'repeats no value and loses none without a record when servers forget, and those who know what was lost are alive',
    kind: 'alone',
    share: 0.25,
    sorts: RECOVERING,
  },
];

const transitions: Record<string, number> = {};

/** Only when another process calls under the same name, which no process of this world does: see the test of the machine. */
const USURPED = ['joining left', 'serving left', 'recovering left', 'settling left'];

/** When a registration lapses within some milliseconds of other rare things: met in long runs. */
const RARE = ['joining re-entering', 'settling re-entering', 'leaving re-entering'];

describe('the counter protocol', () => {
  test.each(PARTS)('$title', { timeout: 86_400_000 }, async ({ kind, share, sorts }) => {
    const histories = Math.ceil(HISTORIES * share);
    const campaign: Campaign = {
      kind,
      firstSeed: FIRST_SEEDS[kind] + SEED,
      histories,
      goesOn: true,
      ...(kind === 'forgetful' && { replace: FORGETFUL }),
    };
    const { failures, ...tally } = await playInProcesses(campaign, PROCESSES);
    console.log(JSON.stringify({ kind, perSecond: Math.round(tally.histories / tally.seconds), ...tally }));
    for (const [name, times] of Object.entries(tally.transitions)) transitions[name] = (transitions[name] ?? 0) + times;
    expect(failures.join('\n\n')).toBe('');
    expect(tally.histories).toBe(histories);
    for (const sort of sorts) expect(tally.met[sort], sort).toBeGreaterThan(histories / 100);
  });

  test('every phase was entered; and, by 20,000 histories, every change of phase that the table allows was met', () => {
    const allowed = Object.entries(PHASES).flatMap(([from, { next }]) => next.map((to) => `${from} ${to}`));
    const missed = allowed.filter((name) => transitions[name] === undefined);
    console.log(JSON.stringify({ transitions, missed }));
    const entered = new Set(Object.keys(transitions).map((name) => name.split(' ')[1]));
    const unentered = Object.values(PHASES).flatMap(({ next }) => next.filter((phase) => !entered.has(phase)));
    expect(unentered).toEqual([]);
    const isLong = HISTORIES >= 20_000;
    expect(missed.filter((name) => isLong && !USURPED.includes(name) && !RARE.includes(name))).toEqual([]);
  });
});
