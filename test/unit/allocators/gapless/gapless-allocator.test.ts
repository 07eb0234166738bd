/** The gapless allocator: who shares a call, what is repeated, what is cancelled, and its limits. */
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createGaplessAllocator } from '../../../../src/allocators/gapless/gapless-allocator.ts';
import type { GaplessLimits } from '../../../../src/allocators/gapless/gapless-limits.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import type { LedgerStore } from '../../../../src/core/ledger/ledger-store.ts';
import { targetOf } from '../../fakes/allocator-on.ts';
import { createHeldLedgerStore } from '../../fakes/held-ledger-store.ts';

const RECORD = { print: String, subject: undefined };

const start = (limits: Partial<GaplessLimits> = {}) => {
  const store = createHeldLedgerStore();
  const events: NumberGeneratorEvent[] = [];
  const allocator = createGaplessAllocator({
    store: store as unknown as LedgerStore,
    emit: (event) => events.push(event),
    limits: { retryMs: 1, cancelRetryMs: 5, ...limits },
  });
  const ask = (prefixKey: string, count = 1): Promise<string> =>
    allocator.allocate(targetOf(prefixKey), count, RECORD).then(
      ({ ranges }) => ranges.map(({ first, last }) => `${first}-${last}`).join(' '),
      (error: Error) => error.message,
    );
  const takes = (): string[] => store.held.map((call) => call.takes.join(', '));
  /** Ends the call that came first, and lets what follows from it happen. */
  const end = async (fate?: Parameters<(typeof store.held)[number]['end']>[0]): Promise<void> => {
    store.held[0]?.end(fate);
    for (let turn = 0; turn < 5; turn += 1) await setImmediate();
  };
  const next = (count = 1) => expect.poll(() => store.held.length).toBe(count);
  return { store, events, allocator, ask, takes, end, next };
};

describe('who shares a call', () => {
  test('the first leaves at once; what comes meanwhile for its sequence leaves together when the answer is there', async () => {
    const { ask, takes, end } = start();
    const replies = [ask('A'), ask('A', 2), ask('A')];
    expect(takes()).toEqual(['A 1']);
    await end();
    expect(takes()).toEqual(['A 2, A 1']);
    await end();
    expect(await Promise.all(replies)).toEqual(['1-1', '2-3', '4-4']);
  });

  test('other sequences do not wait, until as many calls are under way as may be; then they share the next one', async () => {
    const { ask, takes, end } = start({ callsMax: 2 });
    const replies = [ask('A'), ask('B'), ask('C'), ask('D'), ask('A')];
    expect(takes()).toEqual(['A 1', 'B 1']);
    await end();
    expect(takes()).toEqual(['B 1', 'C 1, D 1, A 1']);
    await end();
    await end();
    expect(await Promise.all(replies)).toEqual(['1-1', '1-1', '1-1', '1-1', '2-2']);
  });

  test('a call has at most so many values, and one request at least; at most so many sequences', async () => {
    const { ask, takes, end } = start({ callsMax: 1, callValuesMax: 5, callSequencesMax: 2 });
    const replies = [ask('A'), ask('A', 9), ask('A', 4), ask('B', 2), ask('C', 2), ask('D')];
    await end();
    expect(takes()).toEqual(['A 9']);
    await end();
    expect(takes()).toEqual(['B 2, C 2']);
    await end();
    expect(takes()).toEqual(['D 1, A 4']);
    await end();
    expect(await Promise.all(replies)).toEqual(['1-1', '2-10', '11-14', '1-2', '1-2', '1-1']);
  });

  test('a sequence whose call failed travels alone, until it is served', async () => {
    const { ask, takes, end } = start({ callsMax: 1 });
    const first = [ask('X'), ask('A'), ask('B')];
    await end();
    expect(takes()).toEqual(['A 1, B 1']);
    await end('failed');
    expect(await Promise.all(first)).toEqual(['1-1', 'away', 'away']);
    const second = [ask('A'), ask('B'), ask('X'), ask('C')];
    expect(takes()).toEqual(['A 1']);
    await end();
    expect(takes()).toEqual(['B 1']);
    await end();
    expect(takes()).toEqual(['X 1, C 1']);
    await end();
    expect(await Promise.all(second)).toEqual(['1-1', '1-1', '2-2', '1-1']);
  });
});

describe('a call that is refused for its data', () => {
  test('is repeated one request after the other, so that only the one that is at fault fails', async () => {
    const { ask, takes, end } = start({ callsMax: 1 });
    const replies = [ask('X'), ask('A', 1), ask('A', 2), ask('B', 3)];
    await end();
    expect(takes()).toEqual(['A 1, A 2, B 3']);
    await end('refused');
    expect(takes()).toEqual(['A 1']);
    await end();
    expect(takes()).toEqual(['A 2']);
    await end('refused');
    expect(takes()).toEqual(['B 3']);
    await end();
    const refused = 'INTERNAL kind=data';
    expect(await Promise.all(replies)).toEqual(['1-1', '1-1', refused, '1-3']);
  });

  test('is given up when the store fails meanwhile: nobody waits for each failure after the other', async () => {
    const { ask, takes, end } = start({ callsMax: 1 });
    const replies = [ask('X'), ask('A', 1), ask('A', 2), ask('B', 3)];
    await end();
    await end('refused');
    await end();
    await end('failed');
    expect(takes()).toEqual([]);
    expect(await Promise.all(replies)).toEqual(['1-1', '1-1', 'away', 'away']);
  });
});

describe('a call of which nobody heard', () => {
  test('is repeated under its name until the answer comes, and was done once', async () => {
    const { store, ask, end, next } = start();
    const reply = ask('A', 3);
    const { operation } = store.held[0] ?? {};
    for (const fate of ['done unheard', 'failed', 'undone unheard'] as const) {
      await end(fate);
      await next();
      expect(store.held[0]?.operation).toBe(operation);
    }
    await end();
    expect(await reply).toBe('1-3');
    const other = ask('A');
    expect(store.held[0]?.operation).not.toBe(operation);
    await end();
    expect(await other).toBe('4-4');
    expect(store.cancelled).toEqual([]);
  });

  test('is cancelled when its callers had to be refused, as soon as the ledger answers', async () => {
    const { store, ask, end, next } = start({ attemptsMax: 2 });
    store.away = true;
    const reply = ask('A');
    const { operation } = store.held[0] ?? {};
    await end('done unheard');
    await next();
    await end('done unheard');
    expect(await reply).toBe('cut');
    expect(store.cancelled).toEqual([]);
    store.away = false;
    await expect.poll(() => store.cancelled).toEqual([operation]);
  });

  test('is cancelled at the end at the latest; if that fails, an event says so', async () => {
    const patient = { attemptsMax: 1, cancelRetryMs: 60_000 };
    const one = start(patient);
    void one.ask('A');
    await one.end('done unheard');
    await one.allocator.close();
    expect(one.store.cancelled).toHaveLength(1);
    expect(one.events).toEqual([]);

    const other = start(patient);
    other.store.away = true;
    void other.ask('A');
    await other.end('done unheard');
    await other.allocator.close();
    expect(other.events).toEqual([{ type: 'ledger-calls-unsettled', calls: 1 }]);
  });

  test('is given up when too many others wait to be cancelled, the oldest first, and an event says so', async () => {
    const { store, events, ask, end, allocator } = start({ attemptsMax: 1, cancelRetryMs: 60_000, abandonedMax: 1 });
    const operations: (string | undefined)[] = [];
    for (const prefixKey of ['A', 'B']) {
      void ask(prefixKey);
      operations.push(store.held[0]?.operation);
      await end('done unheard');
    }
    expect(events).toEqual([{ type: 'ledger-calls-unsettled', calls: 1 }]);
    await allocator.close();
    expect(store.cancelled).toEqual(operations.slice(1));
  });
});

test('a call that failed before it could have been done is refused at once', async () => {
  const { ask, end, store } = start();
  const reply = ask('A');
  await end('failed');
  expect(await reply).toBe('away');
  expect([store.held, store.cancelled]).toEqual([[], []]);
});

test('the line is bounded', async () => {
  const { ask, end } = start({ waitingMax: 2 });
  const replies = [ask('A'), ask('A'), ask('A')];
  expect(await replies[2]).toBe('Too many requests wait for the ledger.');
  await end();
  await end();
  expect(await Promise.all(replies)).toEqual(['1-1', '2-2', 'Too many requests wait for the ledger.']);
});

test('a reservation brings its value and the time of its end', async () => {
  const { allocator, end } = start();
  const reserved = allocator.reserve(targetOf('A'), { ttlMs: 5_000 }, RECORD);
  await end();
  expect(await reserved).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), value: 1n, expiresAtMs: 77 });
});
