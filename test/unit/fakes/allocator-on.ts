/** A counter allocator on a held store, with its events; and what tests say about its targets and answers. */
import type { Allocation, AllocationRecord, AllocationTarget } from '../../../src/allocators/allocator.ts';
import { type CounterAllocator, createCounterAllocator } from '../../../src/allocators/counter/counter-allocator.ts';
import type { CounterLimits } from '../../../src/allocators/counter/machine/counter-limits.ts';
import type { CounterStore } from '../../../src/core/counter/counter-store.ts';
import type { NumberGeneratorEvent } from '../../../src/core/events/events.ts';
import { sequenceOf, seriesOf } from '../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../src/core/values/value.ts';
import { createHeldCounterStore, type HeldCounterStore } from './held-counter-store.ts';

/** What only a strategy with a ledger writes down. */
export const UNRECORDED: AllocationRecord = { print: String, subject: undefined };

export const targetOf = (prefixKey: string, terms: Partial<AllocationTarget> = {}): AllocationTarget => ({
  name: `${prefixKey} `,
  sequence: sequenceOf(seriesOf(prefixKey), ''),
  initialSeq: 0n,
  limit: VALUE_MAX,
  standbySize: 0,
  ...terms,
});

/** The ranges as `first-last`, those with values of the standby with a star. */
const textOf = ({ ranges, fromStandby }: Allocation): string =>
  ranges.map(({ first, last }) => `${first}-${last}`).join(' ') + (fromStandby ? '*' : '');

export interface AllocatorParts {
  readonly store: HeldCounterStore;
  readonly allocator: CounterAllocator;
  readonly events: NumberGeneratorEvent[];
  /** Allocates, and tells how that ends: the ranges as `first-last`, with a star from the standby; or the error. */
  ask(target: AllocationTarget, count: number): Promise<string>;
  /** The same under an idempotency key; with `=` before it when it was replayed. */
  askKeyed(target: AllocationTarget, count: number, hash: string, fingerprint?: string): Promise<string>;
}

export const allocatorOn = (limits: Partial<CounterLimits> = {}, parts?: CounterStore): AllocatorParts => {
  const store = createHeldCounterStore(parts);
  const events: NumberGeneratorEvent[] = [];
  const emit = (event: NumberGeneratorEvent): number => events.push(event);
  const allocator = createCounterAllocator({ store, node: 'node', emit, limits });
  const ask = (target: AllocationTarget, count: number): Promise<string> =>
    allocator.allocate(target, count).then(textOf, (error: Error) => `${error.name}: ${error.message}`);
  const askKeyed = (target: AllocationTarget, count: number, hash: string, fingerprint = 'f'): Promise<string> =>
    allocator.allocateKeyed(target, count, { hash, fingerprint, atMs: 0, series: '' }).then(
      ({ receipt, replayed }) => (replayed ? '=' : '') + textOf({ ranges: receipt.ranges, fromStandby: false }),
      (error: Error) => `${error.name}: ${error.message}`,
    );
  return { store, events, allocator, ask, askKeyed };
};
