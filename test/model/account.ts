/** The reckoning at the end of a history: every value from the first to the last is somewhere, and in one place only. */
import type { Range } from '../../src/core/values/range.ts';
import { decodeReceipt, isVoidReceipt } from '../../src/stores/redis/codecs/reserve-codec.ts';
import type { Stored } from './script-runner.ts';
import { type Book, check, type ModelNode, meet, type World } from './world.ts';

interface Held {
  readonly first: bigint;
  readonly last: bigint;
  readonly holder: string;
}

const readList = (source: string | undefined): Held[] =>
  (source ?? '')
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [first = '', last = '', holder = ''] = word.split(':');
      return { first: BigInt(first), last: BigInt(last), holder: holder.split('@')[0] ?? '' };
    });

const readGaps = (gaps: ReadonlyMap<string, string>): (Held & { readonly reason: string })[] =>
  [...gaps].map(([first, entry]) => {
    const [last = '', reason = '', holder = ''] = entry.split(' ');
    return { first: BigInt(first), last: BigInt(last), reason, holder: holder.split('@')[0] ?? '' };
  });

/** The last range of each node that has not returned it, as the state remembers it. */
const readLastRanges = (state: ReadonlyMap<string, string>): Held[] =>
  [...state].flatMap(([field, record]) => {
    const [, , , , first = '-', last = '-'] = record.split(' ');
    return field.startsWith('n:') && first !== '-'
      ? [{ first: BigInt(first), last: BigInt(last), holder: field.slice(2) }]
      : [];
  });

/** What was taken under an idempotency key: whoever comes with the key again is given it, unless the state has lost it since. */
const readReceipts = ({ receipts, state }: Stored): Held[] =>
  [...receipts]
    .filter(([, text]) => !isVoidReceipt(text, state.get('receipts') ?? null))
    .flatMap(([name, text]) => decodeReceipt(text).ranges.map((range) => ({ ...range, holder: name })));

const values = function* (ranges: readonly Held[]): Generator<readonly [bigint, string]> {
  for (const { first, last, holder } of ranges) {
    for (let value = first; value <= last; value++) yield [value, holder] as const;
  }
};

/** No jump is wider: a ceiling, raised a few times. */
const GAP_MAX = 200_000n;

/** Whether losses are only checked not to repeat anything. */
const isLossy = ({ scene }: World): boolean => scene.forgetful || scene.fence !== 'none';

/** What is looked at: a sequence, what is stored of it, the nodes that can no longer say, and what is accounted for. */
interface Reckoning {
  readonly world: World;
  readonly book: Book;
  readonly stored: Stored;
  readonly counter: bigint;
  readonly lost: ReadonlySet<string>;
  /** Free, or in the gap record. */
  readonly known: Set<bigint>;
}

const checkFree = ({ world, book, stored, known }: Reckoning): void => {
  for (const [value] of values(readList(stored.state.get('free')))) {
    const isFine = !book.issued.has(value) && !known.has(value);
    check(world, isFine, () => `${value} is free, but issued or free twice`);
    known.add(value);
  }
};

/** A gap record of a crashed node may name values it issued, for it can no longer say. */
const checkGaps = ({ world, book, stored, known, lost }: Reckoning): void => {
  for (const { first, last, reason, holder } of readGaps(stored.gaps)) {
    const isLost = reason === 'node-crash' || reason === 'recovery-jump';
    if (isLost && !isLossy(world))
      check(world, lost.has(holder), () => `a gap ${first}-${last} of ${holder}, which has not crashed`);
    const isMade = reason !== 'advance' || last <= book.advancedTo;
    check(world, isMade, () => `a gap ${first}-${last} by an advance nobody made`);
    check(world, last - first < GAP_MAX, () => `a gap ${first}-${last} by ${reason}: nobody ever was near its begin`);
    for (let value = first; value <= last; value++) {
      const isIssued = book.issued.has(value);
      check(world, !known.has(value) || world.scene.forgetful, () => `${value} is free or a gap, and a gap once more`);
      check(world, isLost || !isIssued, () => `${value} is a gap by ${reason}, but issued`);
      if (isIssued) meet(world, 'doubtful');
      known.add(value);
    }
  }
};

const checkAhead = ({ world, book, stored, counter, lost, known }: Reckoning): void => {
  const covered = new Set<bigint>();
  for (const [value, holder] of values(readList(stored.state.get('ahead')))) {
    check(world, value > counter, () => `${value} is ahead, but the counter is at ${counter}`);
    check(world, !covered.has(value), () => `${value} is ahead twice`);
    covered.add(value);
    if (isLossy(world)) continue;
    const isFine = holder === '-' ? book.issued.has(value) || known.has(value) : lost.has(holder);
    check(world, isFine, () => `${value} is ahead, held by ${holder}, and not issued`);
  }
  for (const value of book.issued.keys()) {
    const isKept = value <= counter || covered.has(value);
    check(world, isKept, () => `${value} was issued, and is free ahead of the counter`);
  }
};

/** Where the state says that the sequence began: at or below it nothing was issued. */
const originOf = ({ world, book, stored }: Reckoning): bigint => {
  const text = stored.state.get('origin');
  // Alone, a server that lost its state does not know it any more.
  const isKnown = text !== undefined || world.ceilings === undefined;
  check(world, isKnown, () => 'nobody knows where the sequence began');
  if (text === undefined) return book.origin;
  const origin = BigInt(text);
  for (const value of book.issued.keys())
    check(world, value > origin, () => `${value} was issued, not above ${origin}`);
  return origin;
};

/** What a node had in hand, or in requests that were not whole yet, or in a call that gave it back, when it crashed. */
const heldBy = ({ shell, inHand }: ModelNode, book: Book): readonly Range[] => {
  const held = inHand.flatMap((given) => (given.book === book ? given.ranges : []));
  const sequence = shell.state.sequences.get(book.name);
  if (sequence === undefined) return held;
  const { session, waiters } = sequence;
  const { surplus, outdated, pending } = session;
  return [...held, ...surplus, ...outdated, ...(pending?.returned ?? []), ...waiters.flatMap(({ ranges }) => ranges)];
};

const addAll = (to: Set<bigint>, ranges: readonly Range[]): void => {
  for (const { first, last } of ranges) for (let value = first; value <= last; value++) to.add(value);
};

/** Values that are in no list, but whose fate follows from one: receipts, last ranges, what crashed nodes had. */
const deriveOthers = ({ world, book, stored, known, lost }: Reckoning): ReadonlySet<bigint> => {
  const derivable = new Set<bigint>();
  for (const [value, key] of values(readReceipts(stored))) {
    const owner = book.issued.get(value);
    const isOwn = owner === undefined || owner === key;
    check(world, isOwn, () => `${value} is in the receipt of ${key}, and of ${owner}`);
    const isElsewhere = known.has(value) && !isLossy(world);
    check(world, !isElsewhere, () => `${value} is in the receipt of ${key}, and free or a gap`);
    derivable.add(value);
  }
  // A receipt may be lost together with the state, in which its values count as issued.
  if (world.scene.fence !== 'none') for (const value of book.receipted.keys()) derivable.add(value);
  // A node forgets what it gives back, and a server that forgets that too takes for issued what the node got before its
  // last call: lost without a record. This is known, and the only such loss.
  if (world.scene.fence !== 'none') for (const value of book.givenBackLate) derivable.add(value);
  for (const [value, holder] of values(readLastRanges(stored.state)))
    if (lost.has(holder) || world.scene.forgetful) derivable.add(value);
  for (const node of world.nodes) if (lost.has(node.name)) addAll(derivable, heldBy(node, book));
  for (const { node, range } of book.underWay.values()) if (lost.has(node.name)) addAll(derivable, [range]);
  return derivable;
};

/**
 * Issued ∪ free ∪ gap record is everything from `origin` + 1 to the counter. What a crashed node never dealt out of its
 * last range is the one thing in no list: it must lie within the last range the state remembers of that node.
 */
export const checkAccount = (world: World, book: Book, stored: Stored): void => {
  if (stored.counter === null) {
    check(world, book.issued.size === 0, () => 'issued without a counter');
    return;
  }
  const copy = stored.state.get('value');
  check(world, stored.counter === copy, () => `the state's copy is ${copy}`);
  const counter = BigInt(stored.counter);
  const isWithin = counter <= book.limit || book.initialSeq >= counter || book.jumpedTo >= counter;
  check(world, isWithin, () => `the counter ${counter} is above the limit`);
  const lost = new Set(
    world.nodes.filter(({ status, leftBehind }) => status === 'crashed' || leftBehind).map(({ name }) => name),
  );
  const reckoning: Reckoning = { world, book, stored, counter, lost, known: new Set() };
  const { known } = reckoning;
  checkFree(reckoning);
  checkGaps(reckoning);
  checkAhead(reckoning);
  const derivable = deriveOthers(reckoning);
  if (world.scene.forgetful) return;
  for (let value = originOf(reckoning) + 1n; value <= counter; value++) {
    const isSomewhere = book.issued.has(value) || known.has(value) || derivable.has(value);
    check(world, isSomewhere, () => `${book.name}: ${value} is nowhere`);
  }
};
