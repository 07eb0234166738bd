/** What happens to a question on its way to a store, and to its answer: delayed, reordered, repeated, lost, or refused. */
import { StorageTimeoutError, StorageUnavailableError } from '../../src/core/errors.ts';
import { reach } from './steps.ts';
import { type ModelNode, tell, type World } from './world.ts';

/** The question is not played: it is as if it had been lost. */
export const NOT_PLAYED = Symbol('not played');

export interface Question<Reply> {
  readonly text: string;
  /** Whether nobody takes the question at this moment. */
  readonly isAway: () => boolean;
  /** What the store does when the question arrives. */
  readonly execute: () => Promise<Reply | typeof NOT_PLAYED>;
  /** Called when the node has an answer, whichever. */
  readonly onEnd?: () => void;
  /** Looks at the node before it takes the answer in; what it returns looks at it afterwards. */
  readonly watch?: (reply: Reply) => () => void;
}

/** At the end, when time no longer matters, messages are neither fast nor slow: so few reports are sent. */
const HEALED_LATENCY_MS = 60;
const SLOW_TIMES = 12;

const delayOf = ({ random, scene, isHealed }: World): number => {
  if (isHealed) return HEALED_LATENCY_MS;
  const times = random.chance(0.04) ? SLOW_TIMES : 1;
  return times * scene.latencyMs * (0.3 + random.below(1_400) / 1_000);
};

interface Fate {
  readonly request: boolean;
  readonly reply: boolean;
  readonly copies: boolean;
}

const fateOf = (world: World): Fate => {
  const { random, scene, mishap, isHealed } = world;
  world.asked += 1;
  if (mishap !== undefined) {
    const isIt = mishap.nth === world.asked;
    return {
      request: !(isIt && mishap.loses === 'request'),
      reply: !(isIt && mishap.loses === 'reply'),
      copies: false,
    };
  }
  if (isHealed) return { request: true, reply: true, copies: false };
  const lost = random.chance(scene.loss) ? (random.chance(0.5) ? 'request' : 'reply') : undefined;
  return { request: lost !== 'request', reply: lost !== 'reply', copies: random.chance(scene.doubling) };
};

/** Puts a question to a store. */
export const ask = <Reply>(world: World, node: ModelNode, question: Question<Reply>): Promise<Reply> => {
  const { timeline, scene, random } = world;
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const fate = fateOf(world);
  const timeoutAtMs = timeline.nowMs + scene.timeoutMs;
  node.asking += 1;
  const end = (atMs: number, settle: () => void, afterwards?: () => () => void): void => {
    timeline.plan(atMs, () => {
      let look: (() => void) | undefined;
      return reach(
        world,
        node,
        () => {
          node.asking -= 1;
          question.onEnd?.();
          look = afterwards?.();
          settle();
        },
        () => look?.(),
      );
    });
  };
  const timeOut = (): void => {
    tell(world, () => `${node.name}: ${question.text} is given up`);
    end(timeoutAtMs, () => reject(new StorageTimeoutError('lost')));
  };
  const arriveAtMs = timeline.nowMs + delayOf(world);
  // Given up before it arrives, it is played all the same.
  const isLate = arriveAtMs > timeoutAtMs;
  const arrive = async (): Promise<void> => {
    if (isLate) {
      if (!question.isAway()) await question.execute();
      return;
    }
    if (question.isAway()) {
      end(timeline.nowMs + 1, () => reject(new StorageUnavailableError('away')));
      return;
    }
    const reply = await question.execute();
    const atMs = timeline.nowMs + delayOf(world);
    if (reply === NOT_PLAYED || !fate.reply || atMs > timeoutAtMs) timeOut();
    else
      end(
        atMs,
        () => resolve(reply),
        () => question.watch?.(reply) ?? (() => undefined),
      );
  };
  if (fate.request) timeline.plan(arriveAtMs, arrive);
  if (!fate.request || isLate) timeOut();
  if (fate.copies) {
    timeline.plan(timeline.nowMs + delayOf(world) * (1 + random.below(30)), () =>
      question.isAway() ? undefined : question.execute(),
    );
  }
  return promise;
};
