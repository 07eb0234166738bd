/** Requests with an idempotency key in the allocator: one entry each, beside the numbered calls, and never from the standby. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { CounterReply } from '../../../../src/core/counter/counter-call.ts';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import { createMemoryCounterStore } from '../../../../src/stores/memory/memory-counter-store.ts';
import { type AllocatorParts, allocatorOn, targetOf } from '../../fakes/allocator-on.ts';
import { turn } from '../../fakes/held-counter-store.ts';

const INV = targetOf('INV');
const AWAY = new StorageUnavailableError('The store is away.');
const CONFLICT = /^IdempotencyConflictError: /;
const RECEIPT_OF_NOBODY: CounterReply = { kind: 'corrupt', reason: 'the receipt is unreadable' };

const opened: AllocatorParts[] = [];
const open = (...parts: Parameters<typeof allocatorOn>): AllocatorParts => {
  const made = allocatorOn(...parts);
  opened.push(made);
  return made;
};
afterEach(async () => {
  vi.useRealTimers();
  for (const { store, allocator } of opened.splice(0)) {
    store.behave('answer');
    await Promise.all([allocator.close(), store.drain()]);
  }
});

/** An allocator whose store knows this node already. */
const joined = async (...parts: Parameters<typeof allocatorOn>): Promise<AllocatorParts> => {
  const made = open(...parts);
  const first = made.ask(INV, 1);
  await made.store.underWay().answer();
  await first;
  return made;
};

const kindsOf = ({ store }: AllocatorParts): string[] => store.underWay().calls.map(({ kind }) => kind);

describe('a request with a key', () => {
  test('joins the sequence first, when the store does not know the node', async () => {
    const parts = open();
    const asked = parts.askKeyed(INV, 2, 'a');
    await turn();
    expect(kindsOf(parts)).toEqual(['join']);
    await parts.store.underWay().answer();
    expect(kindsOf(parts)).toEqual(['once']);
    await parts.store.underWay().answer();
    expect(await asked).toBe('1-2');
    expect(parts.store.isIdle()).toBe(true);
  });

  test('travels beside others of the same sequence, in the same trip', async () => {
    const parts = await joined();
    const first = parts.askKeyed(INV, 1, 'a');
    await turn();
    const others = [parts.askKeyed(INV, 2, 'b'), parts.ask(INV, 1), parts.askKeyed(INV, 3, 'c')];
    await parts.store.underWay().answer();
    expect(kindsOf(parts)).toEqual(['take', 'once', 'once']);
    await parts.store.underWay().answer();
    expect([await first, ...(await Promise.all(others))]).toEqual(['2-2', '4-5', '3-3', '6-8']);
  });

  test('shares the values of one that is under way under the same key, and meets a conflict when it asks for something else', async () => {
    const parts = await joined();
    const asked = [parts.askKeyed(INV, 1, 'a'), parts.askKeyed(INV, 1, 'a'), parts.askKeyed(INV, 1, 'a', 'other')];
    await turn();
    expect(kindsOf(parts)).toEqual(['once']);
    await parts.store.drain();
    expect(await Promise.all(asked)).toEqual(['2-2', '=2-2', expect.stringMatching(CONFLICT)]);
    const later = [parts.askKeyed(INV, 1, 'a'), parts.askKeyed(INV, 1, 'b')];
    await turn();
    await parts.store.drain();
    expect(await Promise.all(later)).toEqual(['=2-2', '3-3']);
  });

  test('is refused when more than the line allows share, or wait', async () => {
    const parts = await joined({ waitingMax: 1 });
    const asked = ['a', 'a', 'a', 'b'].map((hash) => parts.askKeyed(INV, 1, hash));
    await turn();
    await parts.store.drain();
    const refused = 'StorageUnavailableError: Too many requests are waiting for the store.';
    expect(await Promise.all(asked)).toEqual(['2-2', '=2-2', refused, refused]);
  });

  test('is answered with a conflict, an overflow or a corrupt entry alone', async () => {
    const parts = await joined();
    const short = { ...INV, limit: 3n };
    const asked = [parts.askKeyed(INV, 1, 'a'), parts.askKeyed(INV, 1, 'b', 'f'), parts.askKeyed(short, 9, 'c')];
    await turn();
    await parts.store.drain();
    expect(await Promise.all(asked)).toEqual(['2-2', '3-3', expect.stringMatching(/^SequenceOverflowError: /)]);
    const again = parts.askKeyed(INV, 1, 'b', 'other');
    await turn();
    await parts.store.drain();
    expect(await again).toMatch(CONFLICT);
    const spoilt = parts.askKeyed(INV, 1, 'd');
    await turn();
    await parts.store.underWay().answerWith([RECEIPT_OF_NOBODY]);
    expect(await spoilt).toMatch(/^CorruptEntryError: /);
  });

  test('is refused without a trip when its key is claimed by another request', async () => {
    const claimed = { ...createMemoryCounterStore(), claim: async () => false };
    const parts = await joined({}, claimed);
    expect(await parts.askKeyed(INV, 1, 'a')).toMatch(CONFLICT);
    expect(parts.store.isIdle()).toBe(true);
  });

  test('reports first when the store has forgotten the node, and is served then', async () => {
    const parts = await joined();
    parts.store.of(INV.sequence).served.clear();
    const asked = parts.askKeyed(INV, 1, 'a');
    await turn();
    parts.store.behave('answer');
    await parts.store.drain();
    expect(await asked).toBe('2-2');
    expect(parts.store.reports).toHaveLength(1);
  });
});

describe('a request with a key, and the standby', () => {
  const HELD = { ...INV, standbySize: 5 };

  test('has the node’s own segment given up when it would reach it, so that its values are one run', async () => {
    const parts = await joined();
    const one = parts.ask(HELD, 1);
    await parts.store.drain();
    await one;
    expect(parts.allocator.standbyOf(HELD)).toMatchObject({ left: 5n });
    const batch = parts.askKeyed(HELD, 30, 'a');
    await turn();
    expect(parts.store.underWay().calls).toMatchObject([
      { kind: 'take', standbySize: 0, released: [{ used: 0n }] },
      {},
    ]);
    await parts.store.drain();
    expect(await batch).toBe('3-32');
    expect(parts.allocator.standbyOf(HELD)).toMatchObject({ left: 5n });
  });

  test('has it given up when nothing else is left', async () => {
    const parts = await joined();
    const tight = { ...HELD, limit: 20n };
    const one = parts.ask(tight, 1);
    await parts.store.drain();
    await one;
    const { first = 0n } = parts.allocator.standbyOf(tight) ?? {};
    const count = Number(20n - 2n);
    expect(first).toBeGreaterThan(0n);
    const all = parts.askKeyed(tight, count, 'a');
    await turn();
    await parts.store.drain();
    expect(await all).toBe('3-20');
  });

  test('is never served from it: refused at once while the store is away', async () => {
    const parts = await joined();
    const one = parts.ask(HELD, 1);
    await parts.store.drain();
    await one;
    parts.store.behave(AWAY);
    expect(await parts.ask(HELD, 1)).toMatch(/\*$/);
    expect(await parts.askKeyed(HELD, 1, 'a')).toBe('StorageUnavailableError: The store is away.');
  });
});

describe('a lost reply', () => {
  test('is followed by another trip, which finds the receipt', async () => {
    const parts = await joined();
    const asked = parts.askKeyed(INV, 2, 'a');
    await turn();
    await parts.store.underWay().loseAnswer(AWAY);
    parts.store.announce();
    await turn();
    await parts.store.drain();
    expect(await asked).toBe('=2-3');
    const next = parts.ask(INV, 1);
    await parts.store.drain();
    expect(await next).toBe('4-4');
  });

  test('of a store that stays away is waited for only so long', async () => {
    const parts = await joined({ keyedGraceMs: 20, retryMs: 1, retryMaxMs: 5 });
    const asked = parts.askKeyed(INV, 2, 'a');
    await turn();
    parts.store.behave(AWAY);
    await parts.store.underWay().loseAnswer(AWAY);
    expect(await asked).toBe('StorageUnavailableError: The store is away.');
  });
});
