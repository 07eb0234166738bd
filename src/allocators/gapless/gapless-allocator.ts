/** Counting in a ledger: the waiters of a sequence share one transaction, and a lost COMMIT is looked up. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import {
  DataRefusedError,
  IdempotencyConflictError,
  LedgerBehindError,
  QuotaExceededError,
  SequenceOverflowError,
  StorageUnavailableError,
} from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import type { LedgerAnswer, LedgerStore, LedgerTake, ReservationTerms } from '../../core/ledger/ledger-store.ts';
import type { Receipt, ReceiptDraft } from '../../core/values/receipt.ts';
import type { AllocationRecord, AllocationTarget, Allocator, Standing } from '../allocator.ts';
import type { KeyClaims } from '../key-claims.ts';
import { createSingleFlight } from '../single-flight.ts';
import { createAbandonedCalls } from './abandoned-calls.ts';
import { GAPLESS_LIMITS, type GaplessLimits } from './gapless-limits.ts';

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

type Taken = Extract<LedgerAnswer, { kind: 'taken' | 'receipt' }>;

interface Waiter {
  readonly take: LedgerTake;
  readonly resolve: (taken: Taken) => void;
  readonly reject: (error: unknown) => void;
}

/** The requests of one sequence that are in a call, or that wait for one. */
interface Line {
  readonly name: string;
  readonly waiters: Waiter[];
}

const refuseReservation = ({ reservation, sequence }: LedgerTake): QuotaExceededError =>
  new QuotaExceededError({ kind: 'reservations', max: reservation?.share?.max, prefixKey: sequence.series.prefixKey });

const settle = ({ take, resolve, reject }: Waiter, answer: LedgerAnswer | undefined): void => {
  if (answer?.kind === 'taken' || answer?.kind === 'receipt') resolve(answer);
  else if (answer?.kind === 'conflict') reject(new IdempotencyConflictError());
  else if (answer?.kind === 'share-held') reject(refuseReservation(take));
  else if (answer?.kind === 'behind')
    reject(new LedgerBehindError(take.sequence.series.prefixKey, take.sequence.period));
  else reject(new SequenceOverflowError(take.sequence.series.prefixKey, answer?.valuesLeft ?? 0n));
};

/** What a receipt keeps of a reservation. */
const keepReservation = (id: string): string => JSON.stringify({ reservation: id });
export const keptReservation = ({ series }: Receipt): string =>
  (JSON.parse(series) as { reservation: string }).reservation;

export const createGaplessAllocator = ({ store, emit, claims, limits }: GaplessAllocatorOptions): GaplessAllocator => {
  const bounds: GaplessLimits = { ...GAPLESS_LIMITS, ...limits };
  const abandoned = createAbandonedCalls(store, emit, bounds);
  const singleFlight = createSingleFlight(bounds.waitingMax);
  /** The waiters by sequence, the sequence that has waited longest first. */
  const lines = new Map<string, Waiter[]>();
  /** Sequences in a call that is under way. */
  const busy = new Set<string>();
  /** Sequences whose last call failed: they travel alone, so that a locked one does not keep others waiting. */
  const apart = new Set<string>();
  /** Where sequences stand, the one that moved last at the end. */
  const latest = new Map<string, Standing>();
  let waiting = 0;
  let calls = 0;

  const remember = (takes: readonly LedgerTake[], answers: readonly LedgerAnswer[]): void => {
    for (const [index, { sequence }] of takes.entries()) {
      const answer = answers[index];
      const value = answer?.kind === 'taken' ? answer.ranges.at(-1)?.last : undefined;
      if (value === undefined) continue;
      const name = `${sequence.series.prefixKey} ${sequence.period}`;
      const known = latest.get(name)?.value ?? 0n;
      latest.delete(name);
      latest.set(name, { sequence, value: value < known ? known : value });
    }
    for (const name of latest.keys()) {
      if (latest.size <= bounds.sequencesMax) return;
      latest.delete(name);
    }
  };

  /** Takes as many requests out of a line as fit into the call. */
  const board = (name: string, waiters: Waiter[], room: number): Line => {
    let values = 0;
    let boarded = 0;
    for (const { take } of waiters) {
      if (boarded > 0 && values + take.count > room) break;
      values += take.count;
      boarded += 1;
    }
    lines.delete(name);
    // What is left queues up behind the other sequences.
    if (boarded < waiters.length) lines.set(name, waiters.slice(boarded));
    return { name, waiters: waiters.slice(0, boarded) };
  };

  const nextCall = (): Line[] => {
    const chosen: Line[] = [];
    let room = bounds.callValuesMax;
    for (const [name, waiters] of [...lines]) {
      if (busy.has(name) || (apart.has(name) && chosen.length > 0)) continue;
      if (chosen.length >= bounds.callSequencesMax || (chosen.length > 0 && room <= 0)) break;
      const line = board(name, waiters, room);
      chosen.push(line);
      for (const { take } of line.waiters) room -= take.count;
      if (apart.has(name)) break;
    }
    return chosen;
  };

  /** Repeats the call until its outcome is known. @throws when nothing was done, or the outcome stays unknown. */
  const callStore = async (takes: readonly LedgerTake[]): Promise<readonly LedgerAnswer[]> => {
    const operation = randomUUID();
    let unknown: unknown;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const outcome = await store.take(operation, takes);
        if (outcome.kind === 'done') return outcome.answers;
        unknown = outcome.reason;
      } catch (error) {
        // A failure says that this attempt did nothing; of an earlier one it says nothing.
        if (unknown === undefined) throw error;
      }
      if (attempt === bounds.attemptsMax) break;
      await setTimeout(bounds.retryMs * 2 ** (attempt - 1));
    }
    abandoned.add(operation);
    throw unknown;
  };

  /** After a call that was refused because of one of them: serves each alone, so that the others succeed. */
  const serveOneByOne = async (waiters: readonly Waiter[]): Promise<void> => {
    let failure: unknown;
    for (const waiter of waiters) {
      try {
        if (failure !== undefined) throw failure;
        const answers = await callStore([waiter.take]);
        remember([waiter.take], answers);
        settle(waiter, answers[0]);
      } catch (error) {
        // A store that fails altogether fails for the others too.
        if (!(error instanceof DataRefusedError)) failure = error;
        waiter.reject(error);
      }
    }
  };

  const serve = async (call: readonly Line[]): Promise<void> => {
    const waiters = call.flatMap((line) => line.waiters);
    try {
      const answers = await callStore(waiters.map(({ take }) => take));
      for (const { name } of call) apart.delete(name);
      remember(
        waiters.map(({ take }) => take),
        answers,
      );
      for (const [index, waiter] of waiters.entries()) settle(waiter, answers[index]);
    } catch (error) {
      if (error instanceof DataRefusedError && waiters.length > 1) await serveOneByOne(waiters);
      else {
        for (const { name } of call) apart.add(name);
        for (const { reject } of waiters) reject(error);
      }
    } finally {
      waiting -= waiters.length;
      calls -= 1;
      for (const { name } of call) busy.delete(name);
      pump();
    }
  };

  const pump = (): void => {
    while (calls < bounds.callsMax) {
      const call = nextCall();
      if (call.length === 0) return;
      calls += 1;
      for (const { name } of call) busy.add(name);
      void serve(call);
    }
  };

  const request = (name: string, take: LedgerTake): Promise<Taken> => {
    if (waiting >= bounds.waitingMax) throw new StorageUnavailableError('Too many requests wait for the ledger.');
    return new Promise((resolve, reject) => {
      const waiter = { take, resolve, reject };
      const line = lines.get(name);
      if (line === undefined) lines.set(name, [waiter]);
      else line.push(waiter);
      waiting += 1;
      pump();
    });
  };

  const takeOf = (
    { sequence, initialSeq, limit }: AllocationTarget,
    count: number,
    { print, subject }: AllocationRecord,
  ): LedgerTake => ({ sequence, initialSeq, limit, count, print, subject, receipt: undefined, reservation: undefined });

  /** Without a receipt in the request there is none in the answer. */
  const takeValues = async (name: string, take: LedgerTake): Promise<Extract<LedgerAnswer, { kind: 'taken' }>> => {
    const answer = await request(name, take);
    if (answer.kind === 'receipt') throw new Error('a receipt for a request without a key');
    return answer;
  };

  const takeKeyed = ({ name }: AllocationTarget, take: LedgerTake & { readonly receipt: ReceiptDraft }) => {
    const { receipt, sequence } = take;
    return singleFlight(receipt, async () => {
      await claims?.claim(receipt);
      const answer = await request(name, take);
      if (answer.kind === 'receipt') return { receipt: answer.receipt, replayed: true };
      return { receipt: { ...receipt, period: sequence.period, ranges: answer.ranges }, replayed: false };
    });
  };

  return {
    source: store.source,

    allocate: async (target, count, record) => {
      const { ranges } = await takeValues(target.name, takeOf(target, count, record));
      return { ranges, fromStandby: false };
    },

    allocateKeyed: (target, count, receipt, record) => takeKeyed(target, { ...takeOf(target, count, record), receipt }),

    reserve: async (target, terms, record) => {
      const id = randomUUID();
      const take = { ...takeOf(target, 1, record), reservation: { id, ...terms } };
      const { ranges, expiresAtMs } = await takeValues(target.name, take);
      return { id, value: ranges[0]?.first ?? 0n, expiresAtMs: expiresAtMs ?? 0 };
    },

    reserveKeyed: async (target, terms, identity, record) => {
      const id = randomUUID();
      const draft = { ...identity, series: keepReservation(id) };
      const take = { ...takeOf(target, 1, record), reservation: { id, ...terms }, receipt: draft };
      const { receipt, replayed } = await takeKeyed(target, take);
      return { id: keptReservation(receipt), replayed };
    },

    close: async () => {
      claims?.close();
      await abandoned.close();
    },

    standings: () => latest.values(),
  };
};
