/** Whatever callers, clock and stores do, in whatever order: the machine never throws, answers each request once, and comes to its end. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { CounterLimits } from '../../../../../src/allocators/counter/machine/counter-limits.ts';
import { PHASES, type Phase, type Sequence } from '../../../../../src/allocators/counter/machine/sequence.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, type Machine, machineOn } from '../../../fakes/machine-on.ts';
import { raise } from './counting-node.ts';
import { liveAtRandom } from './random-node.ts';

const ALL = Object.keys(PHASES) as Phase[];
const TARGET = targetOf('INV');
const LIVES = 1_200;

/** Notes every way that is walked from here on. */
const noteWays = (): Set<string> => {
  const walked = new Set<string>();
  for (const phase of ALL) {
    const { holds } = PHASES[phase];
    vi.spyOn(PHASES[phase], 'holds').mockImplementation((sequence) => {
      walked.add(`${sequence.phase} > ${phase}`);
      return holds(sequence);
    });
  }
  return walked;
};

const counting = (limits: Partial<CounterLimits>): Machine => machineOn({ keepsCeilings: true, limits });

/** Ways that chance hardly ever finds, walked on purpose. */
const RARE: readonly [way: string, walk: () => Sequence][] = [
  [
    'leaving > at-ceiling',
    () => {
      const machine = counting({});
      const sequence = machine.begin(TARGET);
      machine.ask(TARGET, 1);
      machine.fail(machine.take('reserve'), new Error('Away'));
      machine.feed({ kind: 'close' });
      machine.reply('reserve', [{ kind: 'ceiling', value: 1n }]);
      return sequence;
    },
  ],
  [
    'joining > re-entering',
    () => {
      const machine = counting({ tickMs: 10 ** 9, renewMs: 10 ** 9 });
      machine.ask(TARGET, 1);
      machine.reply('register', undefined);
      machine.reply('read', [FENCE]);
      machine.at(31 * 60_000);
      machine.reply('reserve', [{ kind: 'corrupt', reason: 'rubbish' }]);
      return machine.sequenceOf(TARGET);
    },
  ],
  [
    'recovering > left',
    () => {
      const machine = counting({});
      const sequence = machine.begin(TARGET);
      machine.ask(TARGET, 1);
      machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
      machine.reply('report', [{ kind: 'reported', fence: { ...FENCE, epoch: 2n } }]);
      machine.reply('reserve', [{ kind: 'stale', lastCall: 9 }]);
      return sequence;
    },
  ],
  [
    'settling > leaving',
    () => {
      const machine = counting({ tickMs: 100, idleTicksMax: 1 });
      const sequence = machine.begin(TARGET);
      machine.at(200);
      raise(machine);
      return sequence;
    },
  ],
  [
    'settling > at-ceiling',
    () => {
      const machine = counting({ tickMs: 100, idleTicksMax: 1 });
      const sequence = machine.begin(TARGET);
      machine.ask(TARGET, 1);
      machine.reply('reserve', [{ kind: 'corrupt', reason: 'rubbish' }]);
      machine.at(200);
      machine.feed({ kind: 'prepare', target: TARGET });
      machine.reply('reserve', [{ kind: 'ceiling', value: 1n }]);
      return sequence;
    },
  ],
];

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a node that lives at random', () => {
  test('never throws, is never woken for nothing, answers each request once, ends, and walks every way of the table', () => {
    const walked = noteWays();
    for (let seed = 1; seed <= LIVES; seed += 1) {
      const { requests, isCountRight, machine } = liveAtRandom(seed, 300);
      const unanswered = requests.filter(({ outcome }) => outcome === undefined).length;
      const hasEnded = machine.endedMs() !== undefined;
      expect({ seed, isCountRight, unanswered, hasEnded }).toEqual({
        seed,
        isCountRight: true,
        unanswered: 0,
        hasEnded: true,
      });
    }
    for (const [way] of RARE) walked.add(way);
    const ways = ALL.flatMap((phase) => PHASES[phase].next.map((next) => `${phase} > ${next}`));
    expect([...walked].toSorted()).toEqual(ways.toSorted());
  }, 60_000);
});

test.each(RARE)('the way %s is walked', (way, walk) => {
  const walked = noteWays();
  const { phase } = walk();
  expect([...walked]).toContain(way);
  expect(way.endsWith(phase)).toBe(true);
});
