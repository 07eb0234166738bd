/** What is asked of the nodes of a history: values with and without a key, ways forward, and the end. */
import type { Allocation, KeyedAllocation } from '../../src/allocators/allocator.ts';
import { createRequest, type Ticket } from '../../src/allocators/counter/machine/waiters.ts';
import type { AdvanceReply } from '../../src/core/counter/counter-call.ts';
import { CeilingsBehindError, CorruptEntryError, NumberGeneratorError } from '../../src/core/errors.ts';
import { issue, issueKeyed, sizeOf, targetOf, textOf } from './book.ts';
import { KEY_NAMES } from './script-runner.ts';
import { feed } from './steps.ts';
import { type Book, check, fail, type ModelNode, meet, nameOf, tell, type World } from './world.ts';

/** A ticket that must be used once. What it is told must not be lost in the machine, so a broken promise is noted. */
const createTicket = <Outcome>(
  world: World,
  node: ModelNode,
  text: string,
  onServed: (outcome: Outcome) => void,
): Ticket<Outcome> => {
  let answers = 0;
  node.pending += 1;
  const answered = (look: () => void): void => {
    answers += 1;
    node.pending -= 1;
    try {
      check(world, answers === 1, () => `${node.name}: ${text} was answered ${answers} times`);
      look();
    } catch (error) {
      world.failure ??= error instanceof Error ? error : new Error(String(error));
    }
  };
  return {
    resolve: (outcome) => answered(() => onServed(outcome)),
    reject: (error) =>
      answered(() => {
        tell(world, () => `${node.name} refuses ${text}: ${error}`);
        // In this world nothing that is stored is unusable, and no ceiling is set back.
        const isUnfit = error instanceof CorruptEntryError || error instanceof CeilingsBehindError;
        if (!(error instanceof NumberGeneratorError) || isUnfit)
          fail(world, `${node.name} refused ${text}: ${error instanceof Error ? error.stack : error}`);
        else meet(world, error.name);
      }),
  };
};

/** The node hears of the terms that the request carries. */
const hearTerms = (node: ModelNode, { index, initialSeq }: Book): void => {
  if (initialSeq > (node.floors[index] ?? 0n)) node.floors[index] = initialSeq;
};

export interface Wish {
  readonly count: number;
  readonly isLease: boolean;
  readonly isEnding: boolean;
  /** The client has gone by the time it would be given its values. */
  readonly isGone: boolean;
}

export const PLAIN_WISH: Wish = { count: 1, isLease: false, isEnding: false, isGone: false };

const checkSize = (world: World, { count, isLease }: Wish, { ranges }: Allocation): void => {
  const size = sizeOf(ranges);
  const fits = isLease ? ranges.length === 1 && size >= 1n && size <= BigInt(count) : size === BigInt(count);
  check(world, fits, () => `${count} values were asked for, and ${textOf(ranges)} given`);
};

export const request = (world: World, node: ModelNode, book: Book, wish: Wish): void => {
  const { count, isLease, isEnding, isGone } = wish;
  const text = `${count} of ${book.name}`;
  hearTerms(node, book);
  tell(world, () => `${node.name} is asked for ${text}`);
  const ticket = createTicket(world, node, text, (allocation: Allocation) => {
    const { ranges, fromStandby } = allocation;
    tell(world, () => `${node.name} issues ${textOf(ranges)}${fromStandby ? ' of its standby' : ''}`);
    if (fromStandby) meet(world, 'standby');
    checkSize(world, wish, allocation);
    check(world, !(isEnding && fromStandby), () => 'the standby serves where only new values may');
    // The floor of a standby is that of its values: given back, they would be taken for values in order.
    if (isGone && !fromStandby) node.inHand.push({ book, ranges });
    else issue(world, book, node, ranges);
  });
  const target = { ...targetOf(book), ...(isLease && { isLease }), ...(isEnding && { isEnding }) };
  feed(world, node, createRequest(ticket, target, count));
};

/** Every client that uses a key asks for as much under it. */
const countOf = (key: string): number => 1 + (Number(key.slice(1)) % 5);

export const requestKeyed = (world: World, node: ModelNode, book: Book, key: string, isStranger: boolean): void => {
  // What it says of the terms may be heard only once the key is claimed, or not at all.
  const count = countOf(key);
  const text = `${count} of ${book.name} under ${key}`;
  tell(world, () => `${node.name} is asked for ${text}`);
  const receipt = { hash: key, fingerprint: isStranger ? 'g' : 'f', atMs: 1_000, series: '{"a": "b c"}' };
  const ticket = createTicket(world, node, text, (allocation: KeyedAllocation) => {
    const { ranges, fingerprint } = allocation.receipt;
    check(world, fingerprint === receipt.fingerprint, () => `${key} is given what another request was given`);
    issueKeyed(world, book, key, ranges);
  });
  feed(world, node, { kind: 'keyed-request', ticket, target: targetOf(book), count, receipt });
};

/** More often than not a key that others use too. */
export const pickKey = ({ random }: World): string =>
  random.chance(0.6) ? random.pick(KEY_NAMES) : random.pick(KEY_NAMES.slice(0, 2));

export const highestOf = ({ floor, issued }: Book): bigint => {
  let highest = floor;
  for (const value of issued.keys()) if (value > highest) highest = value;
  return highest;
};

export const advance = (world: World, node: ModelNode, book: Book, to: bigint): void => {
  const operation = nameOf(world, 'op');
  tell(world, () => `${node.name} is to move ${book.name} to ${to}`);
  const ticket = createTicket(world, node, `an advance to ${to}`, (reply: AdvanceReply) => {
    tell(world, () => `${node.name} has tried to move ${book.name}: ${reply.kind}`);
    meet(world, `advance-${reply.kind}`);
  });
  feed(world, node, { kind: 'advance', ticket, target: targetOf(book), operation, to });
};

const DRAIN_LOOK_MS = 20;

/** The clean end of a node: once its last request has ended. */
export const shutDown = (world: World, node: ModelNode): void => {
  const { timeline } = world;
  if (node.status === 'crashed') return;
  node.status = 'closing';
  if (node.pending > 0 || node.stalledUntilMs > timeline.nowMs) {
    timeline.plan(timeline.nowMs + DRAIN_LOOK_MS, () => shutDown(world, node));
    return;
  }
  node.closedAtMs = timeline.nowMs;
  tell(world, () => `${node.name} shuts down`);
  feed(world, node, { kind: 'close' });
};
