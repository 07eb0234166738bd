/** The strategy `gapless`: counting in a ledger, with receipts and reservations; requests of a sequence share a transaction. */
import { randomUUID } from 'node:crypto';
import type { Emit } from '../../core/events/events.ts';
import type { LedgerStore, LedgerTake, ReservationTerms } from '../../core/ledger/ledger-store.ts';
import type { Receipt, ReceiptDraft } from '../../core/values/receipt.ts';
import type { AllocationRecord, AllocationTarget, Allocator, KeyedAllocation, Standing } from '../allocator.ts';
import type { KeyClaims } from '../key-claims.ts';
import { createSingleFlight } from '../single-flight.ts';
import { createAbandonedCalls } from './abandoned-calls.ts';
import { GAPLESS_LIMITS, type GaplessLimits } from './gapless-limits.ts';
import type { LatestStandings } from './latest-standings.ts';
import { createLedgerCalls, type RequestValues } from './ledger-calls.ts';

/** A value that is taken for a while. */
export interface ReservedValue {
  readonly id: string;
  readonly value: bigint;
  /** By the clock of the ledger, ms since 1970-01-01T00:00:00Z. */
  readonly expiresAtMs: number;
}

export interface GaplessAllocator extends Allocator {
  /** Takes one value until it is confirmed, for `ttlMs` at most. @throws as `allocate`; QuotaExceededError. */
  reserve(target: AllocationTarget, terms: ReservationTerms, record: AllocationRecord): Promise<ReservedValue>;
  /** The same for a request with an idempotency key. @returns the id of its reservation, new or old. @throws as `allocateKeyed`. */
  reserveKeyed(
    target: AllocationTarget,
    terms: ReservationTerms,
    request: Omit<ReceiptDraft, 'series'>,
    record: AllocationRecord,
  ): Promise<{ readonly id: string; readonly replayed: boolean }>;
  /** Call it after the last request has ended. */
  close(): Promise<void>;
  /** The sequences of which this node took values lately, 100,000 at most. */
  standings(): Iterable<Standing>;
}

interface GaplessAllocatorOptions {
  readonly store: LedgerStore;
  readonly emit: Emit;
  /** Where keys are claimed that a counter could serve too; undefined where one store keeps all receipts. */
  readonly claims?: KeyClaims | undefined;
  readonly limits?: Partial<GaplessLimits>;
}

/** What a receipt keeps of a reservation. */
const keepReservation = (id: string): string => JSON.stringify({ reservation: id });
export const keptReservation = ({ series }: Receipt): string =>
  (JSON.parse(series) as { reservation: string }).reservation;

const takeOf = (
  { sequence, initialSeq, limit }: AllocationTarget,
  count: number,
  { print, subject }: AllocationRecord,
): LedgerTake => ({ sequence, initialSeq, limit, count, print, subject, receipt: undefined, reservation: undefined });

/** Takes values for a request without a key, and so without a receipt in the answer. */
const takeValues = async (requestValues: RequestValues, { name }: AllocationTarget, take: LedgerTake) => {
  const answer = await requestValues(name, take);
  if (answer.kind === 'receipt') throw new Error('a receipt for a request without a key');
  return answer;
};

/** Takes values for a request with a key, once the key is claimed. */
const takeKeyed = async (
  requestValues: RequestValues,
  claims: KeyClaims | undefined,
  { name }: AllocationTarget,
  take: LedgerTake & { readonly receipt: ReceiptDraft },
): Promise<KeyedAllocation> => {
  const { receipt, sequence } = take;
  await claims?.claim(receipt);
  const answer = await requestValues(name, take);
  if (answer.kind === 'receipt') return { receipt: answer.receipt, replayed: true };
  return { receipt: { ...receipt, period: sequence.period, ranges: answer.ranges }, replayed: false };
};

export const createGaplessAllocator = ({ store, emit, claims, limits }: GaplessAllocatorOptions): GaplessAllocator => {
  const bounds: GaplessLimits = { ...GAPLESS_LIMITS, ...limits };
  const abandoned = createAbandonedCalls(store, emit, bounds);
  const standings: LatestStandings = new Map();
  const requestValues = createLedgerCalls({ store, limits: bounds, abandoned, standings });
  const singleFlight = createSingleFlight(bounds.waitingMax);

  return {
    source: store.source,

    allocate: async (target, count, record) => {
      const { ranges } = await takeValues(requestValues, target, takeOf(target, count, record));
      return { ranges, fromStandby: false };
    },

    allocateKeyed: (target, count, receipt, record) => {
      const take = { ...takeOf(target, count, record), receipt };
      return singleFlight(receipt, () => takeKeyed(requestValues, claims, target, take));
    },

    reserve: async (target, terms, record) => {
      const id = randomUUID();
      const take = { ...takeOf(target, 1, record), reservation: { id, ...terms } };
      const { ranges, expiresAtMs } = await takeValues(requestValues, target, take);
      return { id, value: ranges[0]?.first ?? 0n, expiresAtMs: expiresAtMs ?? 0 };
    },

    reserveKeyed: async (target, terms, identity, record) => {
      const id = randomUUID();
      const receipt = { ...identity, series: keepReservation(id) };
      const take = { ...takeOf(target, 1, record), reservation: { id, ...terms }, receipt };
      const kept = await singleFlight(receipt, () => takeKeyed(requestValues, claims, target, take));
      return { id: keptReservation(kept.receipt), replayed: kept.replayed };
    },

    close: async () => {
      claims?.close();
      await abandoned.close();
    },

    standings: () => standings.values(),
  };
};
