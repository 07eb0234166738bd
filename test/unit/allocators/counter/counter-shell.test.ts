/** The shell around the machine: what it feeds, when it wakes it, and when it has ended. It decides nothing. */
import { describe, expect, test } from 'vitest';
import type { Alarm } from '../../../../src/allocators/counter/alarm.ts';
import { type CounterShellOptions, createCounterShell } from '../../../../src/allocators/counter/counter-shell.ts';
import { keeperOf } from '../../../../src/allocators/counter/machine/ceiling.ts';
import { wakeAtMs } from '../../../../src/allocators/counter/machine/node.ts';
import { createRequest } from '../../../../src/allocators/counter/machine/waiters.ts';
import type { FenceOperations } from '../../../../src/core/counter/counter-fence.ts';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import type { SequenceId } from '../../../../src/core/values/sequence-id.ts';
import { createMemoryCeilingStore } from '../../../../src/stores/memory/memory-ceiling-store.ts';
import { createMemoryCounterStore } from '../../../../src/stores/memory/memory-counter-store.ts';
import { targetOf } from '../../fakes/allocator-on.ts';
import { createHeldCounterStore, turn } from '../../fakes/held-counter-store.ts';
import { allocationTicket } from '../../fakes/machine-on.ts';

const TARGET = targetOf('INV');

/** A shell on a held store, with an alarm that the test rings. */
const shellOn = (parts: Partial<CounterShellOptions> = {}) => {
  const store = createHeldCounterStore();
  const hints: ((id: SequenceId) => void)[] = [];
  const fence: FenceOperations | undefined = store.fence && {
    ...store.fence,
    onRecovery: (listener) => void hints.push(listener),
  };
  const clock = { nowMs: 0, setTo: [] as (number | undefined)[], ring: (): void => undefined };
  const events: NumberGeneratorEvent[] = [];
  const createAlarm = (ring: () => void): Alarm => {
    clock.ring = ring;
    return { nowMs: () => clock.nowMs, set: (atMs) => void clock.setTo.push(atMs) };
  };
  const shell = createCounterShell({
    store: fence === undefined ? store : { ...store, fence },
    node: 'node',
    emit: (event) => events.push(event),
    createAlarm,
    ...parts,
  });
  const ask = () => {
    const ticket = allocationTicket();
    shell.feed(createRequest(ticket, TARGET, 1));
    return ticket;
  };
  return { shell, store, clock, events, hints, ask };
};

describe('an event', () => {
  test('is taken in at once: the call that follows from it is sent before feed returns', () => {
    const { store, ask } = shellOn();
    ask();
    expect(store.trips).toHaveLength(1);
  });

  test('is dated by the clock of the alarm', () => {
    const { shell, clock, ask } = shellOn();
    clock.nowMs = 1_000;
    ask();
    expect([shell.nowMs(), shell.state.nowMs, shell.state.trip?.patienceEndMs]).toEqual([1_000, 1_000, 1_250]);
  });

  test('is followed by an alarm for when the machine wants to be woken, also before the first one', async () => {
    const { shell, clock, store, ask } = shellOn();
    expect(clock.setTo).toEqual([5_000]);
    ask();
    expect(clock.setTo.at(-1)).toBe(250);
    await store.underWay().answer();
    expect(clock.setTo.at(-1)).toBe(wakeAtMs(shell.state));
  });

  test('is the ring of the alarm too', () => {
    const { shell, clock, ask } = shellOn();
    ask();
    clock.nowMs = 250;
    clock.ring();
    expect(shell.state.presence).toBe('slow');
  });

  test('is the outcome of each call', async () => {
    const { store, ask, events } = shellOn();
    const request = ask();
    await store.underWay().answer();
    expect(request.outcome).toBe('1-1');
    const refused = ask();
    const away = new StorageUnavailableError('away');
    await store.underWay().fail(away);
    expect([refused.outcome, events]).toEqual([away, [{ type: 'outage-began', reason: away }]]);
  });

  test('is the hint that the store can be reached', async () => {
    const { store, ask } = shellOn();
    ask();
    await store.underWay().fail(new Error('away'));
    store.announce();
    expect(store.trips).toHaveLength(2);
  });

  test('is the hint that a recovery has begun', async () => {
    const { store, ask, hints } = shellOn();
    ask();
    await store.underWay().answer();
    hints[0]?.(TARGET.sequence);
    expect(store.reports).toMatchObject([{ sworn: true }]);
  });
});

describe('replicas', () => {
  test('are asked after before each event, so that the machine knows in time who keeps the ceilings', () => {
    let hasReplicas = false;
    const { shell, ask } = shellOn({ hasReplicas: () => hasReplicas });
    expect(keeperOf(shell.state)).toBe('store');
    hasReplicas = true;
    ask();
    expect(keeperOf(shell.state)).toBe('replicas');
    hasReplicas = false;
    ask();
    expect(keeperOf(shell.state)).toBe('store');
  });

  test('that are there from the start count from the start', () => {
    expect(keeperOf(shellOn({ hasReplicas: () => true }).shell.state)).toBe('replicas');
  });
});

describe('what the machine may ask follows from the ports', () => {
  const ceilings = createMemoryCeilingStore({ now: () => 0 });

  test('a store that can lose nothing keeps no ceilings, whatever else is there', () => {
    const { state } = shellOn({ store: createMemoryCounterStore(), ceilings }).shell;
    expect(state).toMatchObject({ isFenced: false, keepsCeilings: false });
  });

  test('a store that can lose what it acknowledged is fenced, and its ceilings are kept where there is a store for them', () => {
    expect(shellOn().shell.state).toMatchObject({ isFenced: true, keepsCeilings: false });
    expect(shellOn({ ceilings }).shell.state).toMatchObject({ isFenced: true, keepsCeilings: true });
  });

  test('keys are claimed where the store has a claim', () => {
    const { claim: _, ...plain } = createHeldCounterStore();
    expect(shellOn({ store: plain }).shell.state.claimsKeys).toBe(false);
    const claiming = { ...plain, claim: async (): Promise<boolean> => true };
    expect(shellOn({ store: claiming }).shell.state.claimsKeys).toBe(true);
  });

  test('limits that are not named are those of every node', () => {
    expect(shellOn({ limits: { patienceMs: 7 } }).shell.state.limits).toMatchObject({ patienceMs: 7, retryMs: 50 });
  });
});

test('the end is told when the machine has ended, and not before; no alarm is set any more', async () => {
  const { shell, store, clock, ask } = shellOn();
  ask();
  await store.underWay().answer();
  let hasEnded = false;
  void shell.ended.then(() => {
    hasEnded = true;
  });
  shell.feed({ kind: 'close' });
  await turn();
  expect([hasEnded, store.calls().at(-1)?.kind]).toEqual([false, 'leave']);
  await store.underWay().answer();
  await turn();
  expect([hasEnded, clock.setTo.at(-1)]).toEqual([true, undefined]);
});
