/** Counting on a store that can lose what it acknowledged, with the ceilings kept elsewhere: what callers see, and what is kept. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AllocationTarget } from '../../../../src/allocators/allocator.ts';
import { createCounterAllocator } from '../../../../src/allocators/counter/counter-allocator.ts';
import type { CeilingRaise, CeilingStore } from '../../../../src/core/ceiling/ceiling-store.ts';
import type {
  CounterCall,
  CounterReply,
  Fence,
  StandbyAdvice,
  StandbySegment,
} from '../../../../src/core/counter/counter-call.ts';
import type { CounterReport, FenceOperations, ReportReply } from '../../../../src/core/counter/counter-fence.ts';
import type { CounterStore } from '../../../../src/core/counter/counter-store.ts';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import type { SequenceId } from '../../../../src/core/values/sequence-id.ts';
import { createMemoryCeilingStore } from '../../../../src/stores/memory/memory-ceiling-store.ts';
import { createMemoryCounterStore } from '../../../../src/stores/memory/memory-counter-store.ts';
import { targetOf } from '../../fakes/allocator-on.ts';

const POSTGRES_AWAY = new StorageUnavailableError('PostgreSQL away');
const REDIS_AWAY = new StorageUnavailableError('Redis away');
const MINUTE_MS = 60_000;

interface Sequence {
  value: bigint;
  epoch: bigint;
  ceiling: bigint;
  /** Standby segments on offer, in rising order. */
  readonly ahead: StandbySegment[];
  readonly nodes: Map<string, { readonly call: number; readonly reply: CounterReply }>;
  recovery:
    | { readonly name: { server: string; time: string }; sinceMs: number; reports: Map<string, CounterReport> }
    | undefined;
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const max = (...values: bigint[]): bigint => values.reduce(larger);

/** A counter store with a fence: it loses its last state, is away, or waits for a recovery, as the test says. */
const createFencedStore = () => {
  const sequences = new Map<string, Sequence>();
  const calls: CounterCall[] = [];
  const reports: CounterReport[] = [];
  const state = { away: undefined as Error | undefined, reportsFail: undefined as Error | undefined };
  const reachable: (() => void)[] = [];
  const hints: ((sequence: SequenceId) => void)[] = [];
  let recoveries = 0;

  const of = ({ series: { prefixKey } }: SequenceId): Sequence => {
    const known = sequences.get(prefixKey);
    if (known !== undefined) return known;
    const fresh = { value: 0n, epoch: 0n, ceiling: 0n, ahead: [], nodes: new Map(), recovery: undefined };
    sequences.set(prefixKey, fresh);
    return fresh;
  };
  const fenceOf = ({ epoch, ceiling }: Sequence): Fence => ({ epoch, ceiling, wanted: 0n });
  const recover = (sequence: Sequence): void => {
    recoveries += 1;
    sequence.recovery ??= {
      name: { server: `run${recoveries}`, time: `${recoveries}` },
      sinceMs: performance.now(),
      reports: new Map(),
    };
  };
  const advise = (sequence: Sequence, call: CounterCall): StandbyAdvice => {
    const size = BigInt(call.standbySize);
    const top = sequence.ahead.at(-1)?.last ?? 0n;
    const first = max(top, sequence.value) + 2n * size + 1n;
    const keeps = call.holding !== undefined && !call.usedInPart;
    if (size === 0n || keeps || call.kind === 'leave' || first + size > sequence.ceiling) return { kind: 'keep' };
    const segment = { first, last: first + size - 1n, offeredIn: call.call };
    sequence.ahead.push(segment);
    return { kind: 'offer', segment };
  };
  /** In order, around the standby segments. */
  const take = (sequence: Sequence, count: number): { first: bigint; last: bigint } => {
    for (const { first, last } of sequence.ahead) if (first === sequence.value + 1n) sequence.value = last;
    const first = sequence.value + 1n;
    const next = sequence.ahead.find((segment) => segment.first >= first);
    const end = sequence.value + BigInt(count);
    sequence.value = next !== undefined && next.first <= end ? next.first - 1n : end;
    return { first, last: sequence.value };
  };
  const serve = (call: CounterCall): CounterReply => {
    calls.push(call);
    const sequence = of(call.sequence);
    if (sequence.epoch === 0n || sequence.recovery !== undefined || call.epoch > sequence.epoch) {
      recover(sequence);
      return { kind: 'recovering' };
    }
    const known = sequence.nodes.get(call.node);
    if (call.epoch < sequence.epoch || (known === undefined && call.kind !== 'join')) return { kind: 'forgotten' };
    if (known?.call === call.call) return known.reply;
    const fence = fenceOf(sequence);
    if (sequence.value + BigInt(call.count) > sequence.ceiling)
      return { kind: 'ceiling', value: sequence.value, fence };
    const range = call.count === 0 ? { first: 0n, last: 0n } : take(sequence, call.count);
    const standby = advise(sequence, call);
    const reply: CounterReply =
      call.count === 0
        ? { kind: 'nothing', standby, fence }
        : { kind: 'taken', range, returned: false, standby, fence };
    sequence.nodes.set(call.node, { call: call.call, reply });
    return reply;
  };
  const takeIn = (report: CounterReport): ReportReply => {
    const sequence = of(report.sequence);
    if (sequence.epoch === 0n || report.epoch > sequence.epoch) recover(sequence);
    const { recovery } = sequence;
    if (recovery === undefined) {
      sequence.nodes.set(report.node, { call: report.settled, reply: { kind: 'forgotten' } });
      return { kind: 'reported', fence: fenceOf(sequence) };
    }
    if (report.recovery?.time === recovery.name.time) recovery.reports.set(report.node, report);
    const highest = max(sequence.value, ...[...recovery.reports.values()].map(({ seen }) => seen));
    return {
      kind: 'waiting',
      recovery: recovery.name,
      sinceMs: performance.now() - recovery.sinceMs,
      epoch: sequence.epoch,
      ceiling: sequence.ceiling,
      highest,
      reported: [...recovery.reports.keys()],
      missing: [],
    };
  };
  const fence: FenceOperations = {
    report: async (made) => {
      reports.push(...made);
      const failure = state.reportsFail ?? state.away;
      if (failure !== undefined) throw failure;
      return made.map(takeIn);
    },
    install: async (install) => {
      const sequence = of(install.sequence);
      if (install.recovery.time !== sequence.recovery?.name.time) return false;
      const seen = [...sequence.recovery.reports.values()].map((report) => report.seen);
      sequence.value = max(sequence.value, install.base, install.jumpTo ?? 0n, ...seen);
      sequence.epoch = install.epoch;
      sequence.ceiling = install.ceiling;
      sequence.recovery = undefined;
      return true;
    },
    raiseMany: async (moves) =>
      moves.map(({ sequence: name, epoch, ceiling }) => {
        const sequence = of(name);
        if (epoch !== sequence.epoch || sequence.recovery !== undefined) return { kind: 'outrun' };
        sequence.ceiling = max(sequence.ceiling, ceiling);
        return { kind: 'raised', fence: fenceOf(sequence) };
      }),
    propose: async () => true,
    accountMany: async (sequences) =>
      sequences.map((name) => {
        const { epoch, value } = of(name);
        return epoch === 0n ? { kind: 'unserved' } : { kind: 'account', account: { value, changes: 0, gaps: [] } };
      }),
    onRecovery: (listener) => {
      hints.push(listener);
    },
  };
  const store: CounterStore = {
    ...createMemoryCounterStore(),
    fence,
    reserve: async (made) => {
      if (state.away !== undefined) throw state.away;
      return made.map(serve);
    },
    onReachable: (listener) => {
      reachable.push(listener);
    },
  };
  return {
    store,
    calls,
    reports,
    state,
    of,
    /** Another server has taken over, which knows the sequence as far as `value`. */
    lose: (name: SequenceId, value: bigint): void => {
      of(name).value = value;
      recover(of(name));
    },
    hint: (name: SequenceId): void => {
      for (const listen of hints) listen(name);
    },
    announce: (): void => {
      for (const listen of reachable) listen();
    },
  };
};

const textOf = ({
  ranges,
  fromStandby,
}: {
  ranges: readonly { first: bigint; last: bigint }[];
  fromStandby: boolean;
}) => ranges.map(({ first, last }) => `${first}-${last}`).join(' ') + (fromStandby ? '*' : '');

const closings: (() => Promise<void>)[] = [];

const setUp = async ({ withCeilings = true, ceiling = 10_000n } = {}) => {
  const fenced = createFencedStore();
  let registeringAgoMs = 0;
  const memory = createMemoryCeilingStore({ now: () => Date.now() - registeringAgoMs });
  /** Another node, which has renewed its registration for the last time so long ago. */
  const registerOther = async (agoMs = 60_000): Promise<void> => {
    registeringAgoMs = agoMs;
    await memory.register('other');
    registeringAgoMs = 0;
  };
  const postgres = {
    away: undefined as Error | undefined,
    cannotRaise: undefined as Error | undefined,
    left: [] as string[],
    raises: [] as CeilingRaise[],
  };
  const guarded =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      if (postgres.away !== undefined) throw postgres.away;
      return call(...args);
    };
  const ceilings: CeilingStore = {
    ...memory,
    register: guarded(memory.register),
    read: guarded(memory.read),
    recover: guarded(memory.recover),
    raiseMany: guarded(async (raises: readonly CeilingRaise[]) => {
      if (postgres.cannotRaise !== undefined) throw postgres.cannotRaise;
      postgres.raises.push(...raises);
      return memory.raiseMany(raises);
    }),
    leave: guarded(async (node: string) => {
      postgres.left.push(node);
      await memory.leave(node);
    }),
  };
  const events: NumberGeneratorEvent[] = [];
  const allocator = createCounterAllocator({
    store: fenced.store,
    node: 'node',
    emit: (event) => events.push(event),
    ceilings: withCeilings ? ceilings : undefined,
  });
  closings.push(() => allocator.close());
  /** The sequence counts already, in epoch 1. */
  const serve = async (target: AllocationTarget, value = 0n): Promise<void> => {
    const { sequence } = target;
    const window = ceiling - value;
    await memory.recover({
      sequence,
      epoch: 0n,
      servedEpoch: 0n,
      server: 'run',
      reported: [],
      highest: value,
      window,
      mayJump: false,
    });
    Object.assign(fenced.of(sequence), { value, epoch: 1n, ceiling });
  };
  const ask = (target: AllocationTarget, count: number): Promise<string> =>
    allocator.allocate(target, count).then(textOf, (error: Error) => `${error.name}: ${error.message}`);
  /** Lets pass as much time as it takes, up to 10 s. */
  const asked = async (target: AllocationTarget, count: number): Promise<string> => {
    const answer = ask(target, count);
    await vi.advanceTimersByTimeAsync(300);
    return answer;
  };
  const typesOf = (): string[] => events.map(({ type }) => type);
  return { ...fenced, memory, registerOther, postgres, allocator, events, typesOf, serve, ask, asked };
};

const settle = (ms = 300): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  // Without setImmediate, with which an alarm lets replies be read first.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] });
});

afterEach(async () => {
  const closed = Promise.all(closings.splice(0).map((close) => close()));
  await vi.advanceTimersByTimeAsync(30_000);
  await closed;
  vi.useRealTimers();
});

describe('opening a sequence', () => {
  test('that nobody ever counted begins the first epoch, and counts from 1 on', async () => {
    const { asked, memory, postgres, typesOf } = await setUp();
    const target = targetOf('INV');
    expect(await asked(target, 3)).toBe('1-3');
    expect(await asked(target, 1)).toBe('4-4');
    expect(await memory.read(target.sequence)).toMatchObject({ epoch: 1n, ceiling: 10_000n });
    expect(postgres.left).toEqual([]);
    // Nothing was recovered: a new series is no news to whoever is on call.
    expect(typesOf()).not.toContain('sequence-recovered');
  });

  test('that counts already goes on in its epoch, without a recovery', async () => {
    const { asked, serve, calls, typesOf } = await setUp();
    const target = targetOf('INV');
    await serve(target, 41n);
    expect(await asked(target, 1)).toBe('42-42');
    expect(calls[0]).toMatchObject({ kind: 'join', epoch: 1n, window: 0 });
    expect(typesOf()).not.toContain('sequence-recovering');
  });

  test('makes no call before this node is registered, and all who came meanwhile are served in order', async () => {
    const { ask, serve, calls, postgres, allocator } = await setUp();
    const target = targetOf('INV');
    await serve(target);
    const all = [ask(target, 1), ask(target, 2), ask(target, 1)];
    expect(calls).toEqual([]);
    await settle();
    expect(await Promise.all(all)).toEqual(['1-1', '2-3', '4-4']);
    expect(calls).toHaveLength(1);
    expect(postgres.away).toBeUndefined();
    expect(allocator.isStorePresent()).toBe(true);
  });

  test('is refused while the store of the ceilings is away, and tried again with the next request', async () => {
    const { asked, serve, calls, postgres, typesOf } = await setUp();
    const target = targetOf('INV');
    await serve(target);
    postgres.away = POSTGRES_AWAY;
    expect(await asked(target, 1)).toBe('StorageUnavailableError: PostgreSQL away');
    expect(await asked(target, 1)).toBe('StorageUnavailableError: PostgreSQL away');
    expect(calls).toEqual([]);
    expect(typesOf()).toContain('node-not-registered');
    postgres.away = undefined;
    expect(await asked(target, 1)).toBe('1-1');
  });

  test('that fails for a reason of its own is refused as unavailable, the reason inside', async () => {
    const { ask, postgres } = await setUp();
    postgres.away = new TypeError('bug');
    const refused = ask(targetOf('INV'), 1);
    await settle();
    expect(await refused).toBe('StorageUnavailableError: The sequence is not served.');
  });

  test('by preparing it takes a standby for a sequence that nobody asked for', async () => {
    const { allocator, serve, calls } = await setUp();
    const target = targetOf('INV', { standbySize: 5 });
    await serve(target);
    allocator.prepare(target);
    await settle();
    expect(allocator.standbyOf(target)).toMatchObject({ left: 5n });
    expect(calls.every(({ count }) => count === 0)).toBe(true);
  });
});

describe('during a recovery', () => {
  /** A node that has taken 1 to 4, holds a standby, and waits in a recovery for another one. */
  const recovering = async (standbySize: number) => {
    const parts = await setUp();
    const target = targetOf('INV', { standbySize });
    await parts.serve(target);
    expect(await parts.asked(target, 4)).toBe('1-4');
    await parts.registerOther();
    parts.lose(target.sequence, 2n);
    return { ...parts, target };
  };

  test('the standby serves, and says so; afterwards counting goes on above what this node was given', async () => {
    const { asked, target, events, of } = await recovering(5);
    expect(await asked(target, 1)).toBe('15-15*');
    expect(await asked(target, 2)).toBe('16-17*');
    await settle(3_000);
    expect(of(target.sequence).epoch).toBe(2n);
    expect(await asked(target, 1)).toMatch(/^1000[0-9]-1000[0-9]$/);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'sequence-recovering', prefixKey: 'INV', period: '' }),
    );
    expect(events).toContainEqual(expect.objectContaining({ type: 'sequence-recovered', jumpedTo: 10_000n, nodes: 1 }));
  });

  test('who has no standby waits, and is served in order after it', async () => {
    const { ask, target, calls } = await recovering(0);
    const all = [ask(target, 1), ask(target, 2)];
    await settle();
    const made = calls.length;
    all.push(ask(target, 1));
    await settle(1_000);
    // Nobody asks the store for values meanwhile.
    expect(calls).toHaveLength(made);
    await settle(3_000);
    expect(await Promise.all(all)).toEqual(['10001-10001', '10002-10003', '10004-10004']);
  });

  test('who needs more than the standby waits, and the others are served meanwhile', async () => {
    const { ask, asked, target } = await recovering(5);
    const large = ask(target, 9);
    expect(await asked(target, 1)).toBe('15-15*');
    await settle(3_500);
    expect(await large).toBe('10001-10009');
  });

  test('is exact, and at once, when all registered nodes have reported', async () => {
    const { asked, target, memory, events } = await recovering(0);
    await memory.leave('other');
    expect(await asked(target, 1)).toBe('5-5');
    expect(events).toContainEqual(expect.objectContaining({ type: 'sequence-recovered', jumpedTo: undefined }));
  });

  test('who waits is refused as soon as there is trouble, later ones at once, the standby goes on; and all ends well', async () => {
    const { ask, asked, target, postgres } = await recovering(5);
    const large = ask(target, 9);
    await settle();
    postgres.away = POSTGRES_AWAY;
    await settle();
    expect(await large).toBe('StorageUnavailableError: PostgreSQL away');
    expect(await ask(target, 9)).toBe('StorageUnavailableError: PostgreSQL away');
    expect(await ask(target, 1)).toBe('15-15*');
    postgres.away = undefined;
    await settle(4_000);
    expect(await asked(target, 9)).toMatch(/^100[0-9]{2}-100[0-9]{2}$/);
  });

  test('other sequences go on', async () => {
    const { ask, asked, target, serve } = await recovering(0);
    const waiting = ask(target, 1);
    const other = targetOf('ORD');
    await serve(other);
    expect(await asked(other, 2)).toBe('1-2');
    await settle(4_000);
    expect(await waiting).toBe('10001-10001');
  });
});

describe('the hint that a recovery has begun', () => {
  test('makes a node report that is idle', async () => {
    const { asked, serve, lose, hint, reports, of } = await setUp();
    const target = targetOf('INV');
    await serve(target);
    await asked(target, 4);
    lose(target.sequence, 2n);
    await settle(1_000);
    expect(reports).toEqual([]);
    hint(target.sequence);
    await settle();
    expect(reports.at(0)).toMatchObject({ node: 'node', seen: 4n, epoch: 2n, sworn: true });
    expect(of(target.sequence)).toMatchObject({ value: 4n, epoch: 2n });
  });

  test('makes a node report that never counted there, where the ceilings know all nodes', async () => {
    const { serve, lose, hint, reports, of } = await setUp();
    const target = targetOf('INV');
    await serve(target, 7n);
    lose(target.sequence, 7n);
    hint(target.sequence);
    await settle();
    expect(reports.at(0)).toMatchObject({ node: 'node', seen: 0n, sworn: true });
    expect(of(target.sequence).epoch).toBe(2n);
  });

  test('does not make a node that never counted there use up a series with a limit, of which it knows nothing', async () => {
    const { serve, lose, hint, memory, of } = await setUp({ ceiling: 200n });
    const target = targetOf('INV', { limit: 999n });
    await serve(target, 100n);
    lose(target.sequence, 100n);
    hint(target.sequence);
    await settle();
    expect(of(target.sequence).epoch).toBe(2n);
    // A later jump goes above the ceiling.
    expect((await memory.read(target.sequence))?.ceiling).toBeLessThan(999n);
  });

  test('is nothing to a node that never counted there, where nobody registers nodes', async () => {
    const { lose, hint, reports, calls } = await setUp({ withCeilings: false });
    lose(targetOf('INV').sequence, 7n);
    hint(targetOf('INV').sequence);
    await settle(3_000);
    expect([reports, calls]).toEqual([[], []]);
  });

  test('is nothing new to a node that reports already', async () => {
    const { ask, serve, lose, hint, registerOther, reports } = await setUp();
    const target = targetOf('INV');
    await serve(target);
    await registerOther();
    lose(target.sequence, 0n);
    const waiting = ask(target, 1);
    await settle();
    const epochs = new Set(reports.map(({ epoch }) => epoch));
    hint(target.sequence);
    await settle(3_500);
    expect(new Set(reports.map(({ epoch }) => epoch))).toEqual(epochs);
    expect(await waiting).toBe('10001-10001');
  });

  test('that comes while the store is away does not keep the node from its return', async () => {
    const { asked, ask, serve, state, lose, hint, announce, allocator, registerOther, of } = await setUp();
    const target = targetOf('INV');
    await serve(target);
    expect(await asked(target, 4)).toBe('1-4');
    state.away = REDIS_AWAY;
    expect(await ask(target, 1)).toContain('Redis away');
    expect(allocator.isStorePresent()).toBe(false);
    // Redis is back on another server, another node was the first to notice, and a third one is slow to report.
    state.away = undefined;
    await registerOther();
    lose(target.sequence, 2n);
    hint(target.sequence);
    announce();
    await settle(20_000);
    // The recovery is over; nothing else tells the node that the store is back.
    expect(of(target.sequence).epoch).toBe(2n);
    expect(allocator.isStorePresent()).toBe(true);
    expect(await asked(target, 1)).toMatch(/^[0-9]+-[0-9]+$/);
  });
});

describe('at the ceiling', () => {
  test('the ceiling is raised durably before a call above it is served', async () => {
    const { asked, serve, postgres, memory } = await setUp({ ceiling: 100n });
    const target = targetOf('INV');
    await serve(target);
    expect(await asked(target, 250)).toBe('1-250');
    expect(postgres.raises[0]).toMatchObject({ ceiling: 10_250n });
    expect(await memory.read(target.sequence)).toMatchObject({ ceiling: 10_250n });
  });

  test('numbers go on up to it without the store of the ceilings, are refused then, and go on when it is back', async () => {
    const { asked, serve, postgres, typesOf } = await setUp({ ceiling: 20n });
    const target = targetOf('INV', { standbySize: 3 });
    await serve(target);
    postgres.cannotRaise = POSTGRES_AWAY;
    const answers: string[] = [];
    for (let turn = 0; turn < 19; turn += 1) answers.push(await asked(target, 1));
    const inOrder = [1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20].map((value) => `${value}-${value}`);
    const refused = 'StorageUnavailableError: PostgreSQL away';
    expect(answers).toEqual([...inOrder, refused, refused]);
    expect(typesOf()).toContain('ceiling-not-raised');
    postgres.cannotRaise = undefined;
    await settle(1_000);
    expect(await asked(target, 2)).toMatch(/^2[0-9]-2[0-9]$/);
  });

  test('reached by others, the standby of this node serves first, and says so; then it is refused', async () => {
    const { asked, serve, postgres, of } = await setUp({ ceiling: 20n });
    const target = targetOf('INV', { standbySize: 3 });
    await serve(target);
    postgres.cannotRaise = POSTGRES_AWAY;
    expect(await asked(target, 1)).toBe('1-1');
    of(target.sequence).value = 20n;
    const answers: string[] = [];
    for (let turn = 0; turn < 4; turn += 1) answers.push(await asked(target, 1));
    expect(answers).toEqual(['8-8*', '9-9*', '10-10*', 'StorageUnavailableError: PostgreSQL away']);
    postgres.cannotRaise = undefined;
    await settle(1_000);
    expect(await asked(target, 1)).toMatch(/^2[0-9]-2[0-9]$/);
  });

  test('a later epoch found on the way is reported for, and then counted in', async () => {
    const { ask, serve, memory, of, events } = await setUp({ ceiling: 100n });
    const target = targetOf('INV', { standbySize: 0 });
    await serve(target, 100n);
    const waiting = ask(target, 5);
    // A recovery that another node was granted, and whose install is still on its way.
    const request = { sequence: target.sequence, server: 'run9', reported: ['node'], mayJump: true, highest: 100n };
    await memory.recover({ ...request, epoch: 1n, servedEpoch: 1n, window: 50n });
    await settle(4_000);
    expect(await waiting).toBe('101-105');
    expect(of(target.sequence).epoch).toBeGreaterThan(2n);
    expect(events).toContainEqual(expect.objectContaining({ type: 'sequence-recovered' }));
  });
});

describe('a registration that has lapsed', () => {
  /** A node that holds a standby, and could not renew its registration for 31 minutes. */
  const lapsed = async () => {
    const parts = await setUp();
    const target = targetOf('INV', { standbySize: 5 });
    await parts.serve(target);
    expect(await parts.asked(target, 1)).toBe('1-1');
    parts.postgres.away = POSTGRES_AWAY;
    await settle(29 * MINUTE_MS);
    // Redis is away for a moment: two values of the standby are issued.
    parts.state.away = REDIS_AWAY;
    expect(await parts.asked(target, 2)).toBe('12-13*');
    await settle(2 * MINUTE_MS);
    parts.state.away = undefined;
    parts.announce();
    await settle();
    return { ...parts, target };
  };

  test('keeps the node from taking anything, until it is made anew', async () => {
    const { asked, target, postgres } = await lapsed();
    expect(await asked(target, 20)).toBe('StorageUnavailableError: PostgreSQL away');
    postgres.away = undefined;
    await settle(30_000);
    expect(await asked(target, 1)).toMatch(/^[0-9]+-[0-9]+$/);
  });

  test('does not make the node forget what it has issued of its standby: the store is told', async () => {
    const { asked, target, postgres, calls, reports } = await lapsed();
    postgres.away = undefined;
    await settle(30_000);
    await asked(target, 1);
    await asked(target, 1);
    // Else the store, which still keeps 12 to 16 for this node, offers them once more.
    const told = [
      ...calls.flatMap(({ released }) => released.map(({ first, used }) => `${first} ${used}`)),
      ...reports.flatMap(({ taken }) => taken.map(({ first, last }) => `${first} ${last - first + 1n}`)),
    ];
    expect(told).toContain('12 2');
  });

  test('does not let the node be struck out as if it had left what it had to give up', async () => {
    const { allocator, postgres, calls } = await lapsed();
    postgres.away = undefined;
    const closed = allocator.close();
    await settle(10_000);
    await closed;
    const left = calls.some(({ kind }) => kind === 'leave');
    expect({ struckOut: postgres.left.length > 0, left }).not.toEqual({ struckOut: true, left: false });
  });
});

describe('close', () => {
  test('gives everything back, settles the accounts, and strikes the node out', async () => {
    const { asked, serve, allocator, postgres, calls, typesOf } = await setUp();
    const target = targetOf('INV');
    await serve(target);
    await asked(target, 7);
    const closed = allocator.close();
    await settle(6_000);
    await closed;
    expect(calls.at(-1)).toMatchObject({ kind: 'leave' });
    expect(postgres.raises.at(-1)).toMatchObject({ base: 7n });
    expect(postgres.left).toEqual(['node']);
    expect(typesOf()).not.toContain('node-not-struck-out');
  });

  test('does not strike the node out while a sequence could not be left, and tells of it', async () => {
    const { asked, serve, allocator, postgres, state, events } = await setUp();
    const target = targetOf('INV');
    await serve(target);
    await asked(target, 7);
    state.away = REDIS_AWAY;
    const closed = allocator.close();
    await settle(6_000);
    await closed;
    expect(postgres.left).toEqual([]);
    expect(events.at(-1)).toEqual({ type: 'standby-not-returned', sequences: 1 });
  });

  test('tells when the node could not be struck out, for the next recovery will wait for it', async () => {
    const { asked, serve, allocator, postgres, events } = await setUp();
    const target = targetOf('INV');
    await serve(target);
    await asked(target, 7);
    postgres.away = POSTGRES_AWAY;
    const closed = allocator.close();
    await settle(6_000);
    await closed;
    expect(postgres.left).toEqual([]);
    expect(events.at(-1)).toEqual({ type: 'node-not-struck-out' });
  });

  test('waits for a recovery under way, and leaves then', async () => {
    const { asked, ask, serve, lose, registerOther, allocator, postgres } = await setUp();
    const target = targetOf('INV');
    await serve(target);
    await asked(target, 4);
    await registerOther();
    lose(target.sequence, 2n);
    const waiting = ask(target, 1);
    await settle();
    const closed = allocator.close();
    await settle(8_000);
    await closed;
    expect(await waiting).toBe('10001-10001');
    expect(postgres.left).toEqual(['node']);
  });

  test('leaves no timer behind, also when the ceiling could not be raised', async () => {
    const { ask, serve, allocator, postgres } = await setUp({ ceiling: 100n });
    const target = targetOf('INV');
    await serve(target, 100n);
    postgres.cannotRaise = POSTGRES_AWAY;
    const refused = ask(target, 1);
    await settle();
    expect(await refused).toContain('PostgreSQL away');
    const closed = allocator.close();
    await settle(20_000);
    await closed;
    await settle(1_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('values that come back', () => {
  test('when the sequence was given up long ago and cannot be opened now, are not lost', async () => {
    const { asked, serve, allocator, postgres, calls } = await setUp();
    const target = targetOf('INV');
    await serve(target);
    const allocation = allocator.allocate(target, 3);
    await settle(61 * MINUTE_MS);
    expect(calls.at(-1)).toMatchObject({ kind: 'leave' });
    postgres.away = POSTGRES_AWAY;
    allocator.giveBack(target, await allocation);
    await settle(30 * MINUTE_MS);
    postgres.away = undefined;
    await settle(MINUTE_MS);
    const next = await asked(target, 3);
    const returned = calls.flatMap((call) => call.returned.map(({ first, last }) => `${first}-${last}`));
    expect([next, ...returned]).toContain('1-3');
  });
});

describe('advancing by hand', () => {
  test('makes this node open the sequence, and recover it, when that is needed', async () => {
    const { allocator, store, of } = await setUp();
    const target = targetOf('INV');
    store.advance = async ({ sequence, to, epoch }) => {
      if (of(sequence).epoch !== epoch) return { kind: 'recovering' };
      of(sequence).value = to;
      return { kind: 'advanced', from: 0n, to };
    };
    const reply = allocator.advance(target, 'operation-1', 700n);
    await settle(2_000);
    expect(await reply).toEqual({ kind: 'advanced', from: 0n, to: 700n });
    expect(of(target.sequence)).toMatchObject({ epoch: 1n, value: 700n });
  });
});
