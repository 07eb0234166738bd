/** Takes down what a life was told, and finds what must never be told: a number twice, one below `initialSeq`, one of a closed period. */
import { limitOf, periodOf, valueIn } from './body.ts';
import type { Answer, Body, Variables } from './driver.ts';
import { breach, demand, demandUnlessKnown, type Given, type Memory, type PeriodMemory, periodIn } from './memory.ts';

/** Where and when a request was made. */
export interface Moment {
  readonly nowMs: number;
  /** The name of the node that was asked. */
  readonly node: string;
  /** Whether it can reach its stores, and no reply is lost. */
  readonly isWhole: boolean;
  /** Whether nothing befell the site yet that a request may be refused for. */
  readonly isCalm: boolean;
}

const AWAY = new Set(['STORAGE_UNAVAILABLE', 'STORAGE_TIMEOUT']);

export const isAway = (answer: Answer<unknown>): boolean => 'refused' in answer && AWAY.has(answer.refused);

/** A refusal that says nothing is only right when something is away. */
export const demandServed = (answer: Answer<unknown>, { isCalm }: Moment): void => {
  if (isCalm && isAway(answer)) breach('refused-in-calm', 'why' in answer ? answer.why : '');
};

/** Somebody is about to ask for values: from here on the sequence may have begun. */
export const expectBeginning = (period: PeriodMemory, { initialSeq }: Body): void => {
  const first = BigInt(initialSeq);
  const mayHaveBegun = period.hasBegun || [...period.origins].some((origin) => origin < first);
  if (!period.hasBegun) period.origins.add(first);
  if (mayHaveBegun && period.movedTo < first) period.movedTo = first;
};

const isGone = ({ state }: Given): boolean => state !== 'void' && state !== 'brief';

/** Takes down one number. */
const remember = (memory: Memory, period: PeriodMemory, given: Given): void => {
  const { text, value } = given;
  const twin = memory.texts.get(text);
  demand(twin === undefined || !isGone(twin), 'number-twice', () => text);
  const before = period.given.get(value);
  demand(before === undefined || !isGone(before), 'value-twice', () => `${value} was ${before?.text}, is ${text}`);
  if (before !== undefined) {
    before.state = 'void';
    memory.texts.delete(before.text);
  }
  memory.texts.set(text, given);
  period.given.set(value, given);
};

export interface Taken {
  readonly texts: readonly string[];
  readonly source: string;
  readonly body: Body;
  /** The date they show. */
  readonly atMs: number;
  readonly variables: Variables;
  readonly state: Given['state'];
}

/** Takes down numbers that were handed out just now. */
export const recordTaken = (memory: Memory, { texts, body, atMs, ...rest }: Taken, moment: Moment): Given[] => {
  const period = periodIn(memory, periodOf(body, atMs), atMs);
  demand(!period.closed, 'closed-served', () => `${texts[0]} of ${period.name}`);
  const taken = texts.map((text) => {
    const { format, strategy } = body;
    const value =
      valueIn(text, format, memory.prefixKey, atMs, rest.variables) ??
      breach('not-in-its-format', `${text}, ${format}`);
    const isFree = body.strategy === 'gapless' || value > BigInt(body.initialSeq);
    demand(isFree && value > 0n, 'below-initialSeq', () => `${text} (${rest.source}), initialSeq ${body.initialSeq}`);
    demand(value <= limitOf(body), 'above-the-limit', () => text);
    const { name } = period;
    const given: Given = { text, value, period: name, atMs, format, strategy, node: moment.node, ...rest };
    remember(memory, period, given);
    return given;
  });
  period.hasBegun = true;
  return taken;
};

/**
 * A node may have been given values that it has not passed on. It repeats the call until it hears of the outcome, unchanged:
 * the sequence may go on above its `initialSeq` then, whatever that is by now.
 */
export const expectOnTheWay = (period: PeriodMemory, node: string, count: number, { initialSeq }: Body): void => {
  if (period.movedTo < BigInt(initialSeq)) period.movedTo = BigInt(initialSeq);
  period.onTheWay.set(node, (period.onTheWay.get(node) ?? 0n) + BigInt(count));
};

/** A reservation is over: its number may come again. */
export const giveUp = (memory: Memory, given: Given): void => {
  given.state = 'void';
  if (memory.texts.get(given.text) === given) memory.texts.delete(given.text);
};

/** Compares a repeated request with what it was given the first time. @returns whether there was such a time. */
export const isRepetition = (
  memory: Memory,
  known: readonly string[] | undefined,
  numbers: readonly string[],
): boolean => {
  if (known === undefined) return false;
  const isSame = known.join() === numbers.join();
  demandUnlessKnown(memory, isSame, 'key-answered-otherwise', () => `${known} before, ${numbers} now`);
  return isSame;
};
