/** The truth about one sequence of a history: what was issued, to whom, and what nobody may be given any more. */
import type { AllocationTarget } from '../../src/allocators/allocator.ts';
import type { CounterCall, CounterReply } from '../../src/core/counter/counter-call.ts';
import { type Range, rangeSize } from '../../src/core/values/range.ts';
import { type SequenceId, sequenceKeyOf, sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { type Book, check, type ModelNode, type SequenceTerms, tell, type World } from './world.ts';

export const createBook = (seed: number, index: number, { origin, limit, standbySize }: SequenceTerms): Book => {
  const id = sequenceOf(seriesOf(`H${seed}q${index}`), index % 2 ? '2026' : '');
  return {
    index,
    id,
    name: sequenceKeyOf(id),
    limit,
    initialSeq: origin,
    standbySize,
    origin,
    begun: false,
    advancedTo: origin,
    jumpedTo: 0n,
    floor: origin,
    floorEpoch: 0n,
    issued: new Map(),
    given: new Map(),
    receipted: new Map(),
    givenBackLate: new Set(),
    answers: new Map(),
    told: new Set(),
    underWay: new Map(),
  };
};

/** @throws Error when there is no such sequence. */
export const bookOf = ({ books }: World, id: SequenceId): Book => {
  const name = sequenceKeyOf(id);
  const book = books.find((each) => each.name === name);
  if (book === undefined) throw new Error(`nobody counts in ${name}`);
  return book;
};

/** The terms as they are now: in this world every request carries them. */
export const targetOf = ({ name, id, initialSeq, limit, standbySize }: Book): AllocationTarget => ({
  name,
  sequence: id,
  initialSeq,
  limit,
  standbySize,
});

export const textOf = (ranges: readonly Range[]): string =>
  ranges.map(({ first, last }) => `${first}-${last}`).join(',');

export const sizeOf = (ranges: readonly Range[]): bigint => ranges.reduce((sum, range) => sum + rangeSize(range), 0n);

/** Values reach a client of the node: for the first time, and not at or below an `initialSeq` the node has heard of. */
export const issue = (world: World, book: Book, node: ModelNode, ranges: readonly Range[]): void => {
  const floor = node.floors[book.index] ?? 0n;
  for (const { first, last } of ranges) {
    check(world, first <= last, () => `${node.name} issues ${first}-${last}`);
    check(world, last <= book.limit, () => `${last} is above the limit`);
    check(world, first > floor, () => `${first} was issued by ${node.name} with initialSeq ${floor}`);
    check(world, first > book.origin, () => `${first} is not above the origin`);
    for (let value = first; value <= last; value++) {
      const before = book.issued.get(value);
      check(world, before === undefined, () => `${book.name}: ${value} was issued by ${before} and by ${node.name}`);
      book.issued.set(value, node.name);
    }
  }
};

/** A client is given what the receipt says: always the same, and nobody else is. */
export const issueKeyed = (world: World, book: Book, key: string, ranges: readonly Range[]): void => {
  const before = book.given.get(key);
  const now = textOf(ranges);
  // A server that forgets may forget receipts too. What was issued under one before is never issued again to others.
  if (world.scene.fence === 'none')
    check(world, before === undefined || before === now, () => `${key} was given ${before}, now ${now}`);
  book.given.set(key, now);
  for (const { first, last } of ranges) {
    for (let value = first; value <= last; value++) {
      const owner = book.issued.get(value);
      const isOwn = owner === undefined || owner === key;
      check(world, isOwn, () => `${book.name}: ${value} was issued to ${owner}, and under ${key}`);
      book.issued.set(value, key);
    }
  }
  tell(world, () => `${key} is given ${now}`);
};

/** What a server answers to a call for the first time. */
export const checkFresh = (world: World, book: Book, call: CounterCall, reply: CounterReply): void => {
  if (reply.kind === 'exhausted') {
    const { valuesLeft } = reply;
    check(world, valuesLeft < BigInt(call.count), () => `exhausted with ${valuesLeft} left for ${call.count}`);
  }
  if (reply.kind !== 'taken') return;
  const { first, last } = reply.range;
  const isAsked = first <= last && last - first < BigInt(call.count);
  check(world, isAsked, () => `asked ${call.count}, got ${first}-${last}`);
  const isAbove = first > book.floor || call.epoch < book.floorEpoch;
  check(world, isAbove, () => `${first} handed out after an advance to ${book.floor}`);
  check(world, first > call.initialSeq, () => `${first} handed out with initialSeq ${call.initialSeq}`);
};

/** What a server writes into a receipt. */
export const checkReceipt = (world: World, book: Book, call: CounterCall, reply: CounterReply): void => {
  if (reply.kind !== 'receipt') return;
  const { fingerprint, ranges } = reply.receipt;
  const key = call.receipt?.hash ?? '';
  check(world, fingerprint === call.receipt?.fingerprint, () => `${key} was answered that of another request`);
  if (reply.replayed) return;
  check(world, sizeOf(ranges) === BigInt(call.count), () => `${key} asked for ${call.count}, got ${textOf(ranges)}`);
  for (const { first, last } of ranges) {
    for (let value = first; value <= last; value++) book.receipted.set(value, key);
    const isAbove = first > book.floor || call.epoch < book.floorEpoch;
    check(world, isAbove, () => `${first} handed out under a key after an advance to ${book.floor}`);
    check(world, last <= book.limit, () => `${last} handed out under a key above the limit`);
  }
};
