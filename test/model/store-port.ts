/** The counter store as a node reaches it: the real script, behind the network. */
import { owesReport } from '../../src/allocators/counter/machine/session-state.ts';
import type { AdvanceReply, AdvanceRequest, CounterCall, CounterReply } from '../../src/core/counter/counter-call.ts';
import type { CounterStore } from '../../src/core/counter/counter-store.ts';
import type { KeyRefusal, ReceiptDraft } from '../../src/core/values/receipt.ts';
import { decodeAdvance, decodeReply, encodeAdvance, encodeCall } from '../../src/stores/redis/codecs/reserve-codec.ts';
import { bookOf, checkFresh, checkReceipt } from './book.ts';
import { createFencePort } from './fence-port.ts';
import { ask, NOT_PLAYED } from './network.ts';
import { begin, runEntry, runNumbered } from './servers.ts';
import { type Book, check, type ModelNode, type ModelServer, meet, type World } from './world.ts';

const serveKeyed = async (world: World, server: ModelServer, book: Book, call: CounterCall): Promise<CounterReply> => {
  const text = await runEntry(world, server, book, encodeCall(call), call.receipt?.hash);
  meet(world, text.startsWith('receipt') ? text.split(' ').slice(0, 2).join('-') : (text.split(' ')[0] ?? ''));
  const reply = decodeReply(text);
  checkReceipt(world, book, call, reply);
  if (reply.kind === 'receipt' && !reply.replayed) begin(world, book, text, call.initialSeq);
  return reply;
};

interface Trip {
  readonly node: ModelNode;
  readonly server: ModelServer;
  readonly isOnly: boolean;
  /** When it was sent, counted in questions. */
  readonly sentAt: number;
}

const serveNumbered = async (
  world: World,
  { node, server, isOnly, sentAt }: Trip,
  book: Book,
  call: CounterCall,
): Promise<CounterReply> => {
  const { text, fresh } = await runNumbered(world, server, book, {
    id: `${node.name} ${call.call}`,
    epoch: call.epoch,
    initialSeq: call.initialSeq,
    entry: encodeCall(call),
    isOnly,
  });
  const reply = decodeReply(text);
  if (fresh) checkFresh(world, book, call, reply);
  if (reply.kind === 'taken')
    book.underWay.set(`${node.name} ${call.call} ${reply.range.first}`, { node, range: reply.range });
  // Copies that outlive a newer call by ten minutes are not played: that long the store remembers every node.
  if (fresh && world.scene.forgetful) node.voidBefore[book.index] = sentAt;
  return reply;
};

const LAPSED_AFTER_MS = 1_800_000;

/** A node that others may have buried does not go on. */
const checkRegistration = (world: World, { name, shell: { state } }: ModelNode, book: Book): void => {
  const { registeredMs } = state.registration;
  if (registeredMs === undefined || state.sequences.get(book.name)?.phase !== 'serving') return;
  const isCurrent = world.timeline.nowMs - registeredMs <= LAPSED_AFTER_MS;
  check(world, isCurrent, () => `${name} goes on counting, though its registration has lapsed`);
};

/** Looks at what a node makes of the answer to a numbered call. */
const watchReply = (world: World, node: ModelNode, call: CounterCall, reply: CounterReply): (() => void) => {
  const book = bookOf(world, call.sequence);
  const session = node.shell.state.sequences.get(book.name)?.session;
  const isOutdated = session !== undefined && reply.fence !== undefined && reply.fence.epoch < session.epoch;
  if (session?.pending?.call !== call.call || owesReport(session) || isOutdated) return () => undefined;
  check(world, reply.kind !== 'stale', () => `${node.name}: its call ${call.call} is older than its last one`);
  // What it gives back next is sent before this answer can be looked at again.
  if (reply.kind === 'taken') node.lasts[book.index] = reply.range;
  // Forgotten after ten minutes: no message of it is under way any more.
  if (reply.kind === 'forgotten' && world.scene.forgetful) node.voidBefore[book.index] = world.asked;
  return () => {
    checkRegistration(world, node, book);
    if (reply.kind !== 'taken' || session.settled !== call.call) return;
    const { first, last } = reply.range;
    book.underWay.delete(`${node.name} ${call.call} ${first}`);
    if (reply.returned) return;
    const high = node.highs[book.index] ?? 0n;
    check(world, first > high, () => `${node.name} got ${first} in order after ${high}`);
    node.highs[book.index] = last;
  };
};

/** Values that were not given back by the very next call after the one that brought them, or to one of several servers. */
const noteGivenBackLate = (world: World, node: ModelNode, book: Book, call: CounterCall): void => {
  const { call: number, kind, returned } = call;
  if (kind === 'once' || node.sent[book.index] === number) return;
  node.sent[book.index] = number;
  const last = node.lasts[book.index];
  node.lasts[book.index] = undefined;
  for (const range of returned) {
    const isPrompt = last !== undefined && last.first <= range.first && range.last <= last.last;
    if (isPrompt && world.servers.length === 1) continue;
    for (let value = range.first; value <= range.last; value++) book.givenBackLate.add(value);
  }
};

const reserve = (world: World, node: ModelNode, calls: readonly CounterCall[]): Promise<readonly CounterReply[]> => {
  const { server } = node;
  const { random } = world;
  const trip = { node, server, isOnly: calls.length === 1, sentAt: world.asked + 1 };
  const books = calls.map(({ sequence }) => bookOf(world, sequence));
  for (const call of calls) noteGivenBackLate(world, node, bookOf(world, call.sequence), call);
  const isVoid = (): boolean =>
    calls.some(({ kind }, i) => kind !== 'once' && trip.sentAt < (node.voidBefore[books[i]?.index ?? 0] ?? 0));
  return ask(world, node, {
    text: 'reserve',
    isAway: () => world.timeline.nowMs < server.awayUntilMs,
    execute: async () => {
      if (isVoid()) return NOT_PLAYED;
      const replies = await Promise.all(
        calls.map((call, i) => {
          const book = books[i] as Book;
          return call.kind === 'once' ? serveKeyed(world, server, book, call) : serveNumbered(world, trip, book, call);
        }),
      );
      // Cut off on the way, as a broken proxy would.
      if (!world.isHealed && random.chance(0.001)) replies.pop();
      return replies;
    },
    watch: (replies) => {
      const looks = replies.map((reply, i) => {
        const call = calls[i];
        return call === undefined || call.kind === 'once' || replies.length < calls.length
          ? () => undefined
          : watchReply(world, node, call, reply);
      });
      return () => {
        for (const look of looks) look();
      };
    },
  });
};

const advance = (world: World, node: ModelNode, request: AdvanceRequest): Promise<AdvanceReply> => {
  const { server } = node;
  const { servers, scene } = world;
  const book = bookOf(world, request.sequence);
  const { operation, epoch, initialSeq } = request;
  return ask(world, node, {
    text: 'advance',
    isAway: () => world.timeline.nowMs < server.awayUntilMs,
    execute: async () => {
      const entry = encodeAdvance(request);
      const { text, fresh } = await runNumbered(world, server, book, {
        id: operation,
        epoch,
        initialSeq,
        entry,
        isOnly: true,
      });
      const to = /^advanced \d+ (\d+)/.exec(text)?.[1];
      if (to !== undefined) {
        if (BigInt(to) > book.advancedTo) book.advancedTo = BigInt(to);
        // Alone, a server cannot know how far it was moved before it fell back.
        if (scene.fence === 'alone') for (const { memories } of servers) memories.length = 0;
        // Where servers forget, only what was asked for is kept elsewhere.
        const floor = scene.fence === 'kept' ? request.to : BigInt(to);
        if (fresh && servers.length === 1 && floor > book.floor) Object.assign(book, { floor, floorEpoch: epoch });
      }
      return decodeAdvance(text);
    },
  });
};

/** The first request that comes with a key has it. */
const claim = (world: World, node: ModelNode, { hash, fingerprint }: ReceiptDraft): Promise<boolean | KeyRefusal> => {
  const { server } = node;
  node.claiming += 1;
  return ask(world, node, {
    text: 'claim',
    isAway: () => world.timeline.nowMs < server.awayUntilMs,
    execute: async () => {
      if (!world.isHealed && world.random.chance(0.02)) return { retryAfterMs: 1_000 };
      const owner = world.claimed.get(hash) ?? fingerprint;
      world.claimed.set(hash, owner);
      return owner === fingerprint;
    },
    onEnd: () => {
      node.claiming -= 1;
    },
  });
};

export const createStorePort = (world: World, node: ModelNode): CounterStore => {
  const unused = (): never => {
    throw new Error('no part of the machine asks this');
  };
  return {
    source: 'redis',
    fence: createFencePort(world, node),
    reserve: (calls) => reserve(world, node, calls),
    ...(world.scene.claims && { claim: (draft) => claim(world, node, draft) }),
    advance: (request) => advance(world, node, request),
    onReachable: (listener) => {
      node.hears = { ...node.hears, reachable: listener };
    },
    close: unused,
    inspect: unused,
    listGaps: unused,
    countGaps: unused,
    checkHealth: unused,
  };
};
