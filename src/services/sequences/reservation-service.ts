/** Reservations: a number of a gapless series is taken for a while, then confirmed, or voided, or it comes again by itself. */
import { type GaplessAllocator, keptReservation } from '../../allocators/gapless/gapless-allocator.ts';
import type { Caller } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { NotFoundError, ReservationEndedError, StorageUnavailableError, ValidationError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import type { Reservation } from '../../core/ledger/ledger-rule.ts';
import type { EndedReservation, LedgerStore } from '../../core/ledger/ledger-store.ts';
import type { GivenVariables } from '../../core/template/printer.ts';
import type { NumberSource } from '../../core/values/number-source.ts';
import type { RequestIdentity } from '../../core/values/receipt.ts';
import type { SeriesId } from '../../core/values/sequence-id.ts';
import { requireClock } from '../numbers/clock-check.ts';
import { findEarlier } from '../numbers/earlier-request.ts';
import type { SeriesCache } from '../numbers/series-cache.ts';
import type { CallerShareOf } from '../shared/caller-share.ts';

interface ReservationOptions {
  /** How long it may be confirmed, ms. */
  readonly ttlMs: number;
  /** What stands for `{var:name}` in the format, by name. */
  readonly variables: GivenVariables | undefined;
  readonly caller: Caller;
  /** Of a request with an idempotency key: its repetition within 24 h gets the same reservation, as it is by then. */
  readonly receipt?: RequestIdentity | undefined;
}

interface ReservedNumber {
  readonly reservation: Reservation;
  readonly source: NumberSource;
}

export interface ReservationService {
  /**
   * Takes the next number of a gapless prefix for a while.
   * @throws PrefixNotRegisteredError; ValidationError when the prefix is not gapless, or a variable is missing, unknown or
   * wrong; SequenceOverflowError; QuotaExceededError when the caller has as many open as it may; CorruptEntryError; the store's errors; with a
   * receipt also IdempotencyConflictError.
   */
  reserve(series: SeriesId, options: ReservationOptions): Promise<ReservedNumber>;
  /** @throws NotFoundError, or the store's errors. */
  read(id: string): Promise<Reservation>;
  /** Makes the number final; may be repeated. @param before as it was read. @throws ReservationEndedError when it is void or expired; NotFoundError; the store's errors. */
  confirm(before: Reservation, caller: Caller): Promise<Reservation>;
  /** Gives the number back; may be repeated. @throws ReservationEndedError when it is confirmed or expired; NotFoundError; the store's errors. */
  void(before: Reservation, reason: string, caller: Caller): Promise<Reservation>;
}

interface Dependencies {
  readonly seriesCache: SeriesCache;
  /** Undefined where gapless prefixes are not served: then there are no reservations. */
  readonly gapless: { readonly allocator: GaplessAllocator; readonly ledger: LedgerStore } | undefined;
  /** What the keys of a caller are counted against; undefined: nothing. */
  readonly keyAllowance?: CallerShareOf;
  /** How many reservations a caller may have open in a prefix; undefined: any number. */
  readonly reservationShare?: CallerShareOf;
  readonly clock: Clock;
  readonly emit: Emit;
}

export const createReservationService = (dependencies: Dependencies): ReservationService => {
  const { seriesCache, gapless, keyAllowance, reservationShare, clock, emit } = dependencies;

  const found = <Found>(id: string, outcome: Found | undefined): Found => {
    if (outcome === undefined) throw new NotFoundError({ kind: 'reservation', id });
    return outcome;
  };

  const tell = (
    { id, sequence, state: outcome, reason }: Reservation,
    before: Reservation['state'] | undefined,
    caller: Caller,
  ): void => emit({ type: 'reservation', id, prefixKey: sequence.series.prefixKey, before, outcome, reason }, caller);

  const ended = (
    before: Reservation,
    outcome: EndedReservation | undefined,
    reason: string | undefined,
    caller: Caller,
  ): Reservation => {
    const { ended: asAsked, reservation } = found(before.id, outcome);
    if (!asAsked) throw new ReservationEndedError(reservation);
    // Another call may have ended it since it was read; its reason stays.
    const isRepeated = before.state !== 'reserved' || reservation.reason !== reason;
    tell(reservation, isRepeated ? reservation.state : before.state, caller);
    return reservation;
  };

  const reserve = async (
    name: SeriesId,
    { ttlMs, variables, caller, receipt }: ReservationOptions,
  ): Promise<ReservedNumber> => {
    const { subject } = caller;
    const instantMs = clock.now();
    const series = await seriesCache.get(name);
    const { config, at } = series;
    if (config.strategy !== 'gapless') {
      const message = `Only numbers of a gapless prefix can be reserved; the strategy of this one is ${config.strategy}`;
      throw new ValidationError([{ path: 'prefixKey', message }]);
    }
    // Another process, which has a ledger, has registered it.
    if (gapless === undefined) throw new StorageUnavailableError('This process has no ledger.');
    requireClock(series, instantMs, receipt !== undefined);
    const { target, printerFor } = at(instantMs);
    const print = printerFor(variables);
    const { source } = gapless.allocator;
    const terms = { ttlMs, share: reservationShare?.(config.prefixKey, caller) };
    if (receipt !== undefined) {
      const request = { ...receipt, atMs: instantMs, allowance: keyAllowance?.(config.prefixKey, caller) };
      const { id, replayed } = await gapless.allocator.reserveKeyed(target, terms, request, { print, subject });
      const reservation = found(id, await gapless.ledger.findReservation(id));
      if (!replayed) tell(reservation, undefined, caller);
      return { reservation, source };
    }
    const { id, value, expiresAtMs } = await gapless.allocator.reserve(target, terms, { print, subject });
    const reservation: Reservation = {
      id,
      sequence: target.sequence,
      value,
      number: print(value),
      state: 'reserved',
      subject,
      reservedAtMs: expiresAtMs - ttlMs,
      expiresAtMs,
      endedAtMs: undefined,
      reason: undefined,
    };
    tell(reservation, undefined, caller);
    return { reservation, source };
  };

  return {
    reserve: async (series, options) => {
      try {
        return await reserve(series, options);
      } catch (error) {
        // Its prefix may have been removed since.
        if (options.receipt === undefined || gapless === undefined) throw error;
        const { ledger } = gapless;
        const earlier = await findEarlier([ledger], series, options.receipt, clock.now(), error);
        const id = keptReservation(earlier.receipt);
        return { reservation: found(id, await ledger.findReservation(id)), source: earlier.source };
      }
    },

    read: async (id) => found(id, await gapless?.ledger.findReservation(id)),
    confirm: async (before, caller) => ended(before, await gapless?.ledger.confirm(before.id), undefined, caller),
    void: async (before, reason, caller) =>
      ended(before, await gapless?.ledger.void(before.id, reason), reason, caller),
  };
};
