/** What happens in a life, as plain data: what its owner does, and what befalls the site it shares with others. */
import { createRandom, type Random } from '../model/random.ts';
import { changedBody, randomBody } from './body.ts';
import type { Body } from './driver.ts';

export type Step =
  | { readonly kind: 'register' | 'change'; readonly body: Body }
  | { readonly kind: 'remove' | 'rest' }
  | {
      readonly kind: 'take';
      readonly node: number;
      readonly count: number;
      /** Under which of its idempotency keys. */
      readonly key?: number | undefined;
      /** Dated so many days back. */
      readonly daysBack?: number | undefined;
      readonly desk: string;
    }
  | { readonly kind: 'reserve'; readonly node: number; readonly isBrief: boolean; readonly desk: string }
  | { readonly kind: 'confirm' | 'void'; readonly node: number; readonly which: number }
  | { readonly kind: 'advance'; readonly node: number; readonly by: number }
  | { readonly kind: 'close'; readonly node: number; readonly which: number };

/** What befalls all lives of a site before a round. */
export type Event =
  | { readonly kind: 'nothing' | 'heal' | 'prepare' }
  | { readonly kind: 'days'; readonly days: number }
  | { readonly kind: 'cut'; readonly what: 'near' | 'far'; readonly node: number | undefined }
  | { readonly kind: 'lose'; readonly node: number; readonly replies: number }
  | { readonly kind: 'restart' | 'crash'; readonly node: number };

export interface LifePlan {
  readonly seed: number;
  readonly steps: readonly Step[];
  /** After which rounds all views are compared. */
  readonly looks: readonly boolean[];
}

const ROUNDS = 10;
const DESKS = ['NORTH', 'S'];

const randomStep = (random: Random, body: Body): Step => {
  const node = random.below(3);
  const desk = random.pick(DESKS);
  const dice = random.below(100);
  if (body.strategy === 'gapless' && dice < 45) {
    if (dice < 18) return { kind: 'reserve', node, isBrief: random.chance(0.3), desk };
    if (dice < 34) return { kind: dice < 26 ? 'confirm' : 'void', node, which: random.below(4) };
  }
  const count = random.chance(0.6) ? 1 : 1 + random.below(random.chance(0.1) ? 40 : 6);
  if (dice < 55) return { kind: 'take', node, count, desk };
  if (dice < 68) return { kind: 'take', node, count, desk, key: random.below(2) };
  if (dice < 78) return { kind: 'take', node, count, desk, daysBack: random.pick([0, 1, 28, 31, 365]) };
  if (dice < 92) return { kind: 'advance', node, by: random.pick([0, 1, 2, 5, 30, 1000]) };
  return { kind: 'close', node, which: random.below(3) };
};

/** @param rounds how many steps it has. */
export const planLife = (seed: number, servesGapless: boolean, rounds = ROUNDS): LifePlan => {
  const random = createRandom(seed * 7919 + 1);
  let body = randomBody(random, servesGapless);
  let isRegistered = true;
  const steps: Step[] = [{ kind: 'register', body }];
  while (steps.length < rounds) {
    if (!isRegistered || random.chance(0.2)) {
      body = changedBody(random, body, servesGapless);
      steps.push({ kind: isRegistered ? 'change' : 'register', body });
      isRegistered = true;
    } else if (random.chance(0.06)) {
      steps.push({ kind: 'remove' });
      isRegistered = random.chance(0.3);
    } else steps.push(randomStep(random, body));
  }
  return { seed, steps, looks: steps.map(() => random.chance(0.2)) };
};

/** @param isRemote whether the stores of the site are elsewhere: then replies can be lost, and a node dies alone. */
export const planEvents = (seed: number, isRemote: boolean, rounds = ROUNDS): readonly Event[] => {
  const random = createRandom(seed * 104_729 + 7);
  let isWhole = true;
  return Array.from({ length: rounds }, (): Event => {
    const node = random.below(3);
    if (!isWhole) {
      isWhole = random.chance(0.6);
      return { kind: isWhole ? 'heal' : 'nothing' };
    }
    const dice = random.below(100);
    if (dice < 20) return { kind: 'days', days: random.pick([1, 1, 28, 31, 366]) };
    if (dice < 30) {
      isWhole = false;
      const what = isRemote && random.chance(0.25) ? 'far' : 'near';
      return { kind: 'cut', what, node: random.chance(0.5) ? node : undefined };
    }
    if (dice < 38) return { kind: 'restart', node };
    if (!isRemote) return { kind: 'nothing' };
    if (dice < 44) return { kind: 'crash', node };
    if (dice < 52) {
      isWhole = false;
      return { kind: 'lose', node, replies: 1 + random.below(2) };
    }
    return { kind: dice < 58 ? 'prepare' : 'nothing' };
  });
};

const shuffled = <Item>(random: Random, items: readonly Item[]): readonly Item[] =>
  items
    .map((item) => ({ item, place: random.below(1_000_000) }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);

/** What befalls a site of real processes, each at least once in some order: nodes and servers end and come back. */
export const planRestarts = (seed: number, isRemote: boolean): readonly Event[] => {
  const random = createRandom(seed * 130_363 + 11);
  const end = (kind: 'restart' | 'crash'): readonly Event[] => [{ kind, node: random.below(2) }];
  const cut = (what: 'near' | 'far'): readonly Event[] => [{ kind: 'cut', what, node: undefined }, { kind: 'heal' }];
  const nothing: readonly Event[] = [{ kind: 'nothing' }];
  const more = isRemote
    ? [cut('near'), random.chance(0.5) ? cut('near') : cut('far')]
    : [end('restart'), end('crash'), nothing, nothing];
  // In the first round they are registered.
  return [
    ...nothing,
    ...shuffled(random, [end('restart'), end('crash'), end('crash'), ...more, nothing, nothing]).flat(),
  ];
};

const bodyText = (body: Body): string =>
  `${body.format} from ${body.initialSeq + 1}, reset ${body.reset}, ${body.strategy}, ${body.overflow}, ${body.outage}` +
  `${body.allowPast ? ', past allowed' : ''}`;

export const describeStep = (step: Step): string => {
  switch (step.kind) {
    case 'register':
    case 'change':
      return `${step.kind} ${bodyText(step.body)}`;
    case 'take': {
      const key = step.key === undefined ? '' : ` under key ${step.key}`;
      return `take ${step.count} on node ${step.node}${key}${step.daysBack === undefined ? '' : `, dated ${step.daysBack} days back`}`;
    }
    case 'reserve':
      return `reserve on node ${step.node}${step.isBrief ? ', for a moment' : ''}`;
    case 'confirm':
    case 'void':
      return `${step.kind} reservation ${step.which} on node ${step.node}`;
    case 'advance':
      return `advance by ${step.by} on node ${step.node}`;
    case 'close':
      return `close period ${step.which} on node ${step.node}`;
    default:
      return step.kind;
  }
};

export const describeEvent = (event: Event): string => {
  switch (event.kind) {
    case 'days':
      return `${event.days} days pass`;
    case 'cut':
      return `${event.node === undefined ? 'all nodes lose' : `node ${event.node} loses`} the ${event.what} store`;
    case 'lose':
      return `node ${event.node} loses ${event.replies} replies`;
    case 'restart':
    case 'crash':
      return `${event.kind} of node ${event.node}`;
    default:
      return event.kind;
  }
};
