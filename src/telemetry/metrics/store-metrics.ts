/** Times the calls on the stores and counts their failures and their sizes: what a port is given goes through here. */
import type { Registry } from 'prom-client';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import { StorageTimeoutError, StorageUnavailableError } from '../../core/errors.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import { type Buckets, createBuckets, observe, registerBuckets } from './buckets.ts';
import { registerCounter } from './collected.ts';

/** The labels under which dashboards know methods that ask for many now. */
const OPERATIONS: Readonly<Record<string, string>> = {
  readMany: 'read',
  raiseMany: 'raise',
  accountMany: 'readAccount',
};

const operationOf = (method: string): string => OPERATIONS[method] ?? method;

/** Seconds. A script of Redis takes tens of microseconds, a commit some milliseconds, a command a second at most. */
const DURATIONS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1, 2.5];
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1_024, 4_096, 16_384, 65_536];

interface CallSlots {
  readonly store: string;
  readonly operation: string;
  readonly durations: Buckets;
  timeouts: number;
  failures: number;
}

export interface StoreMetrics {
  /**
   * The same port, with every call that answers later timed under `<name>.<method>`, also those of the ports in it.
   * @param store redis, sqlite, postgres.
   */
  timed<Port extends object>(port: Port, store: string, name: string): Port;
  /** The same store, with the size of each trip noted. */
  sized(counters: CounterStore): CounterStore;
  sizedLedger(ledger: LedgerStore): LedgerStore;
}

type Method = (...args: unknown[]) => unknown;

const noteFailure = (slots: CallSlots, error: unknown): void => {
  if (error instanceof StorageTimeoutError) slots.timeouts += 1;
  // Anything else is an answer: a conflict, a version that does not fit.
  else if (error instanceof StorageUnavailableError) slots.failures += 1;
};

const timeMethod =
  (port: object, method: Method, slots: CallSlots): Method =>
  (...args) => {
    const fromMs = performance.now();
    const result = method.apply(port, args);
    if (!(result instanceof Promise)) return result;
    const done = (): void => observe(slots.durations, (performance.now() - fromMs) / 1_000);
    return result.then(
      (value) => {
        done();
        return value;
      },
      (error: unknown) => {
        done();
        noteFailure(slots, error);
        throw error;
      },
    );
  };

const createSizes = (registry: Registry) => {
  const sizes = new Map<string, { sequences: Buckets; values: Buckets }>();
  for (const what of ['sequences', 'values'] as const) {
    const help = `How many ${what} went to the store in one call that takes numbers: how many requests were coalesced.`;
    const options = { name: `number_generator_batch_${what}`, help, labelNames: ['store'] };
    registerBuckets(registry, options, () => [...sizes].map(([store, of]) => [{ store }, of[what]] as const));
  }
  return (store: string, entries: readonly { readonly count: number }[]): void => {
    let of = sizes.get(store);
    if (of === undefined) {
      of = { sequences: createBuckets(SIZES), values: createBuckets(SIZES) };
      sizes.set(store, of);
    }
    let values = 0;
    for (const { count } of entries) values += count;
    // A call that only reports took nothing along.
    if (values === 0) return;
    observe(of.sequences, entries.length);
    observe(of.values, values);
  };
};

export const createStoreMetrics = (registry: Registry): StoreMetrics => {
  const calls = new Map<string, CallSlots>();
  const noteSize = createSizes(registry);
  const labelsOf = ({ store, operation }: CallSlots) => ({ store, operation });
  // What was never called is not shown.
  const called = () => [...calls.values()].filter(({ durations }) => durations.counts.some((count) => count > 0));

  registerBuckets(
    registry,
    {
      name: 'number_generator_store_call_duration_seconds',
      help: 'How long a call on a store took, by store and operation.',
      labelNames: ['store', 'operation'],
    },
    () => called().map((slots) => [labelsOf(slots), slots.durations] as const),
  );
  registerCounter(
    registry,
    {
      name: 'number_generator_store_call_errors_total',
      help: 'Calls on a store that failed, by reason: timeout, or unavailable.',
      labelNames: ['store', 'operation', 'reason'],
    },
    () =>
      called().flatMap((slots) => [
        [{ ...labelsOf(slots), reason: 'timeout' }, slots.timeouts] as const,
        [{ ...labelsOf(slots), reason: 'unavailable' }, slots.failures] as const,
      ]),
  );

  const slotsOf = (store: string, operation: string): CallSlots => {
    const known = calls.get(`${store} ${operation}`);
    if (known !== undefined) return known;
    const slots = { store, operation, durations: createBuckets(DURATIONS), timeouts: 0, failures: 0 };
    calls.set(`${store} ${operation}`, slots);
    return slots;
  };

  const timed = <Port extends object>(port: Port, store: string, name: string): Port => {
    const members = Object.entries(port).map(([key, member]): [string, unknown] => {
      if (typeof member === 'function') {
        return [key, timeMethod(port, member as Method, slotsOf(store, `${name}.${operationOf(key)}`))];
      }
      const isPort = typeof member === 'object' && member !== null;
      return [key, isPort ? timed(member, store, name) : member];
    });
    return Object.fromEntries(members) as Port;
  };

  return {
    timed,
    sized: (counters) => ({
      ...counters,
      reserve: (entries) => {
        noteSize(counters.source, entries);
        return counters.reserve(entries);
      },
    }),
    sizedLedger: (ledger) => ({
      ...ledger,
      take: (operation, takes, known) => {
        noteSize(ledger.source, takes);
        return ledger.take(operation, takes, known);
      },
    }),
  };
};
