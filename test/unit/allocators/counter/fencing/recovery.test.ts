/** A node's part in recoveries: it reports until it is served, decides in its turn, and never gives up on its own. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createRecovery, type Recovery } from '../../../../../src/allocators/counter/fencing/recovery.ts';
import {
  createCounterSession,
  openAt,
  owesReport,
  swear,
} from '../../../../../src/allocators/counter/machine/session-state.ts';
import {
  createSequenceQueue,
  type SequenceQueue,
  touch,
} from '../../../../../src/allocators/counter/sequence/sequence-queue.ts';
import type { CeilingStore } from '../../../../../src/core/ceiling/ceiling-store.ts';
import type {
  CounterInstall,
  CounterReport,
  FenceOperations,
  ReportReply,
} from '../../../../../src/core/counter/counter-fence.ts';
import { CorruptEntryError, StorageUnavailableError } from '../../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../../src/core/events/events.ts';
import { createMemoryCeilingStore } from '../../../../../src/stores/memory/memory-ceiling-store.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';

const NAME = { server: 'run2', time: '1795224970000000' };
const INV = targetOf('INV').sequence;

/** What an error hides from clients: words, or another error. */
const causeOf = (error: unknown): string => String(error instanceof Error ? error.cause : undefined);

interface Sent {
  readonly atMs: number;
  readonly report: CounterReport;
}

/** A counter store that asks every sequence to be recovered, until an install for this recovery arrives. */
const createServer = (parts: { epoch?: bigint; ceiling?: bigint; others?: string[]; missing?: string[] } = {}) => {
  const { epoch = 0n, ceiling = 0n, others = [], missing = [] } = parts;
  const sent: Sent[] = [];
  const installs: { readonly atMs: number; readonly install: CounterInstall }[] = [];
  const reported = new Map<string, Set<string>>();
  const served = new Map<string, bigint>();
  const trips: number[] = [];
  const state = {
    failure: undefined as Error | undefined,
    corrupt: undefined as string | undefined,
    refusesInstalls: false,
    /** Time since the recovery began on the store's side. */
    sinceMs: (): number => performance.now(),
  };

  const replyTo = (report: CounterReport): ReportReply => {
    if (state.corrupt !== undefined) return { kind: 'corrupt', reason: state.corrupt };
    const key = report.sequence.series.prefixKey;
    const servedIn = served.get(key);
    if (servedIn !== undefined) return { kind: 'reported', fence: { epoch: servedIn, ceiling: 1_000n, wanted: 0n } };
    const known = reported.get(key) ?? new Set(others);
    reported.set(key, known);
    if (report.recovery?.time === NAME.time) known.add(report.node);
    return {
      kind: 'waiting',
      recovery: NAME,
      sinceMs: state.sinceMs(),
      epoch,
      ceiling,
      highest: report.seen,
      reported: [...known],
      missing,
    };
  };
  const unexpected = async (): Promise<never> => {
    throw new Error('not asked for');
  };
  const operations: FenceOperations = {
    report: async (reports) => {
      trips.push(reports.length);
      for (const report of reports) sent.push({ atMs: performance.now(), report });
      if (state.failure !== undefined) throw state.failure;
      return reports.map(replyTo);
    },
    install: async (install) => {
      installs.push({ atMs: performance.now(), install });
      if (state.refusesInstalls) return false;
      served.set(install.sequence.series.prefixKey, install.epoch === 0n ? epoch + 1n : install.epoch);
      return true;
    },
    raiseMany: unexpected,
    propose: unexpected,
    accountMany: unexpected,
    onRecovery: () => undefined,
  };
  return { operations, sent, installs, trips, served, state };
};

/** A node named `node`; its ceilings' store can be exchanged. */
const nodeOn = (server: ReturnType<typeof createServer>, ceilings?: CeilingStore) => {
  const events: NumberGeneratorEvent[] = [];
  const ready: string[] = [];
  const troubles: { readonly atMs: number; readonly queue: SequenceQueue; readonly error: unknown }[] = [];
  const recovery: Recovery = createRecovery({
    node: 'node',
    operations: server.operations,
    ceilings,
    emit: (event) => events.push(event),
    onServed: (queue) => ready.push(queue.target.sequence.series.prefixKey),
    onTrouble: (queue, error) => {
      queue.trouble = error;
      troubles.push({ atMs: performance.now(), queue, error });
    },
  });
  let calls = 0;
  const queueOf = (prefixKey: string, epoch = 0n): SequenceQueue => {
    const target = targetOf(prefixKey);
    const session = createCounterSession({ sequence: target.sequence, node: 'node', nextCall: () => ++calls });
    openAt(session, epoch);
    swear(session);
    return createSequenceQueue(session, target);
  };
  return { recovery, queueOf, events, ready, troubles };
};

/** Ceilings in memory, in which these nodes are registered, and INV counts in this epoch. */
const ceilingsOf = async (nodes: readonly string[], epoch: bigint): Promise<CeilingStore> => {
  const ceilings = createMemoryCeilingStore({ now: () => 0 });
  const none = { highest: 0n, reported: [], mayJump: false, server: 'run1', window: 500n, servedEpoch: 0n };
  for (let at = 0n; at < epoch; at += 1n) await ceilings.recover({ ...none, sequence: INV, epoch: at });
  for (const node of nodes) await ceilings.register(node);
  return ceilings;
};

let nodes: Recovery[] = [];
const track = <Node extends { recovery: Recovery }>(node: Node): Node => {
  nodes.push(node.recovery);
  return node;
};

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(async () => {
  for (const recovery of nodes) recovery.close();
  nodes = [];
  await vi.runOnlyPendingTimersAsync();
  vi.useRealTimers();
});

describe('a node reports', () => {
  test('until the sequence is served, and no longer', async () => {
    const server = createServer({ epoch: 4n, ceiling: 900n });
    const { recovery, queueOf, ready } = track(nodeOn(server));
    const queue = queueOf('INV', 4n);
    recovery.add(queue);
    await vi.advanceTimersByTimeAsync(900);
    expect(server.sent.length).toBeGreaterThan(5);
    expect(ready).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(ready).toEqual(['INV']);
    expect(owesReport(queue.session)).toBe(false);
    const reports = server.sent.length;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(server.sent).toHaveLength(reports);
    expect(ready).toEqual(['INV']);
  });

  test('at once for the recovery that the store has just named', async () => {
    const server = createServer({ epoch: 4n });
    const { recovery, queueOf } = track(nodeOn(server));
    recovery.add(queueOf('INV', 4n));
    await vi.advanceTimersByTimeAsync(0);
    const startMs = server.sent[0]?.atMs ?? Number.NaN;
    expect(server.sent.map(({ atMs, report }) => [atMs - startMs, report.recovery?.time])).toEqual([
      [0, undefined],
      [0, NAME.time],
    ]);
  });

  test('for what comes later too, also when it was done before', async () => {
    const server = createServer();
    server.served.set('A', 7n).set('B', 7n);
    const { recovery, queueOf, ready } = track(nodeOn(server));
    recovery.add(queueOf('A'));
    await vi.advanceTimersByTimeAsync(1_000);
    recovery.add(queueOf('B'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ready).toEqual(['A', 'B']);
  });

  test('for 256 sequences in one trip, and for the others in the next: those that take long starve nobody', async () => {
    const server = createServer();
    const { recovery, queueOf, ready } = track(nodeOn(server));
    const keys = Array.from({ length: 600 }, (_, index) => `P${index}`);
    for (const key of keys.slice(300)) server.served.set(key, 1n);
    server.state.sinceMs = () => 0;
    for (const key of keys) recovery.add(queueOf(key));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(Math.max(...server.trips)).toBe(256);
    expect(ready.toSorted()).toEqual(keys.slice(300).toSorted());
  });

  test('no more after close', async () => {
    const server = createServer({ epoch: 4n });
    const { recovery, queueOf, ready } = track(nodeOn(server));
    recovery.add(queueOf('INV', 4n));
    await vi.advanceTimersByTimeAsync(100);
    recovery.close();
    const reports = server.sent.length;
    await vi.advanceTimersByTimeAsync(10_000);
    recovery.add(queueOf('ORD'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.sent).toHaveLength(reports);
    expect(ready).toEqual([]);
  });
});

describe('with ceilings kept elsewhere', () => {
  test('the first of those that have reported decides at once', async () => {
    const server = createServer({ epoch: 1n, ceiling: 500n, others: ['z'] });
    const { recovery, queueOf, ready } = track(nodeOn(server, await ceilingsOf(['node', 'z'], 1n)));
    const beganMs = performance.now();
    server.state.sinceMs = () => performance.now() - beganMs;
    recovery.add(queueOf('INV', 1n));
    await vi.advanceTimersByTimeAsync(0);
    expect(server.installs).toMatchObject([{ install: { epoch: 2n, recovery: NAME, jumpTo: undefined, window: 0 } }]);
    expect(ready).toEqual(['INV']);
  });

  test.each([
    ['a request of a queue', true],
    ['nobody yet', false],
  ])(
    'a sequence that nobody counted begins above the initialSeq that was reported, asked for by %s',
    async (_title, isAsked) => {
      const server = createServer();
      const operations: FenceOperations = {
        ...server.operations,
        // What the store knows of as the highest value is where the report begins.
        report: async (reports) =>
          (await server.operations.report(reports)).map((reply, index) =>
            reply.kind === 'waiting' ? { ...reply, highest: reports[index]?.initialSeq ?? 0n } : reply,
          ),
      };
      const store = await ceilingsOf(['node'], 0n);
      const away = new StorageUnavailableError('PostgreSQL away');
      let isAway = true;
      const read: CeilingStore['read'] = (sequence) => (isAway ? Promise.reject(away) : store.read(sequence));
      const ceilings: CeilingStore = { ...store, read };
      const { recovery, queueOf } = track(nodeOn({ ...server, operations }, ceilings));
      const queue = queueOf('INV');
      queue.target = { ...queue.target, initialSeq: 51n };
      if (isAsked) touch(queue, queue.target);
      recovery.add(queue);
      await vi.advanceTimersByTimeAsync(300);
      // The prefix is changed back before its first number.
      touch(queue, { ...queue.target, initialSeq: 16n });
      isAway = false;
      await vi.advanceTimersByTimeAsync(500);
      expect(server.installs).toMatchObject([
        { install: { initialSeq: 51n, origin: 51n, base: 51n, account: { value: 51n } } },
      ]);
      expect(await ceilings.read(INV)).toMatchObject({ origin: 51n });
    },
  );

  test('the third of them decides only after its turn has come, in case the others have died', async () => {
    const server = createServer({ epoch: 1n, ceiling: 500n, others: ['a', 'b'] });
    const { recovery, queueOf, ready } = track(nodeOn(server, await ceilingsOf(['node', 'a', 'b'], 1n)));
    const beganMs = performance.now();
    server.state.sinceMs = () => performance.now() - beganMs;
    recovery.add(queueOf('INV', 1n));
    await vi.advanceTimersByTimeAsync(950);
    expect(server.installs).toEqual([]);
    await vi.advanceTimersByTimeAsync(100);
    expect(server.installs).toHaveLength(1);
    expect((server.installs[0]?.atMs ?? 0) - beganMs).toBeGreaterThanOrEqual(1_000);
    expect(ready).toEqual(['INV']);
  });

  test('a registered node that is silent is waited for, 3 s; then counting goes on above the ceiling', async () => {
    const server = createServer({ epoch: 1n, ceiling: 500n });
    const { recovery, queueOf, events } = track(nodeOn(server, await ceilingsOf(['node', 'silent'], 1n)));
    const beganMs = performance.now();
    server.state.sinceMs = () => performance.now() - beganMs;
    recovery.add(queueOf('INV', 1n));
    await vi.advanceTimersByTimeAsync(2_900);
    expect(server.installs).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(server.installs).toMatchObject([{ install: { epoch: 2n, jumpTo: 500n, base: 500n } }]);
    expect(events).toMatchObject([
      { type: 'sequence-recovered', prefixKey: 'INV', period: '', jumpedTo: 500n, nodes: 1 },
    ]);
  });

  test('asked every 50 ms about the same, the store of the ceilings is asked every 250 ms; about anything new at once', async () => {
    const server = createServer({ epoch: 1n, ceiling: 500n });
    const store = await ceilingsOf(['node', 'other'], 1n);
    const askedMs: number[] = [];
    const beganMs = performance.now();
    const recover: CeilingStore['recover'] = (request) => {
      askedMs.push(performance.now() - beganMs);
      return store.recover(request);
    };
    const others: string[] = [];
    const operations: FenceOperations = {
      ...server.operations,
      report: async (reports) =>
        (await server.operations.report(reports)).map((reply) =>
          reply.kind === 'waiting' ? { ...reply, reported: [...reply.reported, ...others] } : reply,
        ),
    };
    const { recovery, queueOf, ready } = track(nodeOn({ ...server, operations }, { ...store, recover }));
    server.state.sinceMs = () => performance.now() - beganMs;
    recovery.add(queueOf('INV', 1n));
    await vi.advanceTimersByTimeAsync(1_010);
    expect(server.trips.length).toBeGreaterThan(18);
    expect(askedMs).toEqual([0, 250, 500, 750, 1_000]);
    others.push('other');
    await vi.advanceTimersByTimeAsync(50);
    expect(server.installs).toMatchObject([{ install: { epoch: 2n, jumpTo: undefined } }]);
    expect(ready).toEqual(['INV']);
  });

  test('that take long to answer keep nobody waiting for what this node knows: it goes on reporting meanwhile', async () => {
    const server = createServer({ epoch: 1n, ceiling: 500n });
    const store = await ceilingsOf(['node'], 1n);
    let begun = 0;
    const read: CeilingStore['read'] = async (sequence) => {
      begun += 1;
      await new Promise((resolve) => {
        setTimeout(resolve, 2_000);
      });
      return store.read(sequence);
    };
    const { recovery, queueOf, ready, events } = track(nodeOn(server, { ...store, read }));
    recovery.add(queueOf('INV', 1n));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(server.trips.length).toBeGreaterThan(8);
    // Once per sequence.
    expect([begun, server.installs.length]).toEqual([1, 0]);
    // Nor does one keep another waiting.
    recovery.add(queueOf('ORD'));
    await vi.advanceTimersByTimeAsync(200);
    expect(server.sent.filter(({ report }) => report.sequence.series.prefixKey === 'ORD').length).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(server.installs).toMatchObject([{ install: { epoch: 2n } }]);
    const reportsOf = (key: string) =>
      server.sent.filter(({ report }) => report.sequence.series.prefixKey === key).length;
    // The answer is looked up once more before anything is taken.
    await vi.advanceTimersByTimeAsync(1_000);
    const reports = reportsOf('INV');
    await vi.advanceTimersByTimeAsync(5_000);
    expect([ready, reportsOf('INV')]).toEqual([['INV'], reports]);
    expect(events.map(({ type }) => type)).toEqual(['sequence-recovered']);
  });

  test('an install that came too late is no end: the node goes on reporting, and tells of nothing', async () => {
    const server = createServer({ epoch: 1n });
    server.state.refusesInstalls = true;
    const { recovery, queueOf, ready, events } = track(nodeOn(server, await ceilingsOf(['node'], 1n)));
    recovery.add(queueOf('INV', 1n));
    await vi.advanceTimersByTimeAsync(200);
    expect(server.installs.length).toBeGreaterThan(0);
    expect([ready, events]).toEqual([[], []]);
    server.served.set('INV', 2n);
    await vi.advanceTimersByTimeAsync(200);
    expect(ready).toEqual(['INV']);
  });

  test('older than the counters, the sequence is refused with the way to repair them, and served once they are', async () => {
    const server = createServer({ epoch: 4n, ceiling: 900n });
    const old = await ceilingsOf(['node'], 2n);
    const repaired = await ceilingsOf(['node'], 4n);
    let current = old;
    const ceilings: CeilingStore = {
      ...old,
      read: (sequence) => current.read(sequence),
      recover: (request) => current.recover(request),
    };
    const { recovery, queueOf, ready, troubles } = track(nodeOn(server, ceilings));
    recovery.add(queueOf('INV', 4n));
    await vi.advanceTimersByTimeAsync(500);
    expect(troubles.length).toBeGreaterThan(2);
    const { error } = troubles[0] ?? {};
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(causeOf(error)).toContain('INV: epoch 2, ceiling 500 in PostgreSQL');
    expect(causeOf(error)).toContain('npm run repair');
    expect(ready).toEqual([]);
    current = repaired;
    await vi.advanceTimersByTimeAsync(200);
    expect(server.installs).toMatchObject([{ install: { epoch: 5n } }]);
    expect(ready).toEqual(['INV']);
  });

  test('older than a counter store that serves, no call is made before they are repaired', async () => {
    const server = createServer();
    server.served.set('INV', 4n);
    let current = await ceilingsOf(['node'], 2n);
    const ceilings: CeilingStore = { ...current, read: (sequence) => current.read(sequence) };
    const { recovery, queueOf, ready, troubles } = track(nodeOn(server, ceilings));
    recovery.add(queueOf('INV', 2n));
    await vi.advanceTimersByTimeAsync(500);
    expect(ready).toEqual([]);
    expect(troubles.length).toBeGreaterThan(2);
    expect(causeOf(troubles[0]?.error)).toContain('npm run repair');
    current = await ceilingsOf(['node'], 4n);
    await vi.advanceTimersByTimeAsync(200);
    expect(ready).toEqual(['INV']);
  });

  test('empty although the counter store has counted, no call is made', async () => {
    const server = createServer();
    server.served.set('INV', 4n);
    const { recovery, queueOf, ready, troubles } = track(nodeOn(server, await ceilingsOf(['node'], 0n)));
    recovery.add(queueOf('INV'));
    await vi.advanceTimersByTimeAsync(500);
    expect(ready).toEqual([]);
    expect(causeOf(troubles[0]?.error)).toContain('epoch none, ceiling none');
  });

  test('and away, trouble is told of until they are back', async () => {
    const server = createServer({ epoch: 1n });
    const store = await ceilingsOf(['node'], 1n);
    let away = true;
    const ceilings: CeilingStore = {
      ...store,
      read: (sequence) =>
        away ? Promise.reject(new StorageUnavailableError('PostgreSQL away')) : store.read(sequence),
    };
    const { recovery, queueOf, ready, troubles } = track(nodeOn(server, ceilings));
    const queue = queueOf('INV', 1n);
    recovery.add(queue);
    await vi.advanceTimersByTimeAsync(500);
    expect(troubles[0]?.error).toMatchObject({ message: 'PostgreSQL away' });
    expect(ready).toEqual([]);
    away = false;
    await vi.advanceTimersByTimeAsync(200);
    expect(ready).toEqual(['INV']);
  });
});

describe('trouble', () => {
  test('with the counter store is told of for every sequence, and the reports are tried again', async () => {
    const server = createServer();
    server.state.failure = new StorageUnavailableError('away');
    const { recovery, queueOf, ready, troubles } = track(nodeOn(server));
    for (const key of ['A', 'B']) recovery.add(queueOf(key));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(troubles.slice(-2).map(({ queue, error }) => [queue.target.sequence.series.prefixKey, error])).toEqual([
      ['A', server.state.failure],
      ['B', server.state.failure],
    ]);
    // Not in a hurry: it is away.
    expect(server.trips.length).toBeLessThanOrEqual(6);
    expect(ready).toEqual([]);
    server.state.failure = undefined;
    await vi.advanceTimersByTimeAsync(1_500);
    expect(ready).toEqual(['A', 'B']);
  });

  test('is over as soon as the store waits for the others again', async () => {
    const server = createServer({ epoch: 4n, missing: ['other'] });
    server.state.failure = new StorageUnavailableError('away');
    const { recovery, queueOf } = track(nodeOn(server));
    const queue = queueOf('INV', 4n);
    recovery.add(queue);
    await vi.advanceTimersByTimeAsync(0);
    expect(queue.trouble).toBeDefined();
    server.state.failure = undefined;
    await vi.advanceTimersByTimeAsync(300);
    expect(queue.trouble).toBeUndefined();
  });

  test('with a corrupt entry is told of with its reason, and ends when the entry is corrected', async () => {
    const server = createServer();
    server.state.corrupt = 'the counter is not a value';
    const { recovery, queueOf, ready, troubles } = track(nodeOn(server));
    recovery.add(queueOf('INV'));
    await vi.advanceTimersByTimeAsync(100);
    expect(troubles[0]?.error).toBeInstanceOf(CorruptEntryError);
    expect(causeOf(troubles[0]?.error)).toContain('the counter is not a value');
    expect(ready).toEqual([]);
    server.state.corrupt = undefined;
    await vi.advanceTimersByTimeAsync(1_500);
    expect(ready).toEqual(['INV']);
  });
});

describe('the store alone', () => {
  test('is installed exactly when all have reported, and the event says after which time and by how many', async () => {
    const server = createServer({ epoch: 4n, ceiling: 900n, others: ['b'] });
    const { recovery, queueOf, events } = track(nodeOn(server));
    recovery.add(queueOf('INV', 4n));
    server.state.sinceMs = () => 1_234;
    await vi.advanceTimersByTimeAsync(100);
    expect(server.installs).toHaveLength(1);
    expect(events).toEqual([
      { type: 'sequence-recovered', prefixKey: 'INV', period: '', jumpedTo: undefined, afterMs: 1_234, nodes: 2 },
    ]);
  });

  test('is never installed by a node whose own report it has not taken down', async () => {
    const server = createServer({ epoch: 4n });
    server.state.sinceMs = () => 10_000;
    const operations: FenceOperations = {
      ...server.operations,
      report: async (reports) =>
        (await server.operations.report(reports)).map((reply) =>
          reply.kind === 'waiting' ? { ...reply, reported: ['other'] } : reply,
        ),
    };
    const { recovery, queueOf } = track(nodeOn({ ...server, operations }));
    recovery.add(queueOf('INV', 4n));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(server.sent.length).toBeGreaterThan(2);
    expect(server.installs).toEqual([]);
  });
});
