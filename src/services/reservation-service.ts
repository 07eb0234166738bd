/** Reservations: a number of a gapless series is taken for a while, then confirmed, or voided, or it comes again by itself. */
import { type GaplessAllocator, keptReservation } from '../allocators/gapless-allocator.ts';
import type { Clock } from '../core/clock.ts';
import {
  ReservationEndedError,
  ReservationNotFoundError,
  StorageUnavailableError,
  ValidationError,
} from '../core/errors.ts';
import type { Emit, NumberSource } from '../core/events.ts';
import type { Reservation } from '../core/ledger.ts';
import type { EndedReservation, LedgerStore } from '../core/ledger-store.ts';
import type { RequestIdentity } from '../core/receipt.ts';
import type { GivenVariables } from '../core/template-printer.ts';
import { requireClock } from './clock-check.ts';
import { findEarlier } from './earlier-request.ts';
import type { SeriesCache } from './series-cache.ts';

interface ReservationOptions {
  /** How long it may be confirmed, ms. */
  readonly ttlMs: number;
  /** What stands for `{var:name}` in the format, by name. */
  readonly variables: GivenVariables | undefined;
  /** Subject of the token. */
  readonly subject: string | undefined;
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
   * wrong; SequenceOverflowError; CorruptEntryError; the store's errors; with a receipt also IdempotencyConflictError.
   */
  reserve(prefixKey: string, options: ReservationOptions): Promise<ReservedNumber>;
  /** @throws ReservationNotFoundError, or the store's errors. */
  read(id: string): Promise<Reservation>;
  /** Makes the number final; may be repeated. @throws ReservationEndedError when it is void or expired; ReservationNotFoundError; the store's errors. */
  confirm(id: string): Promise<Reservation>;
  /** Gives the number back; may be repeated. @throws ReservationEndedError when it is confirmed or expired; ReservationNotFoundError; the store's errors. */
  void(id: string, reason: string): Promise<Reservation>;
}

interface Dependencies {
  readonly seriesCache: SeriesCache;
  /** Undefined where gapless prefixes are not served: then there are no reservations. */
  readonly gapless: { readonly allocator: GaplessAllocator; readonly ledger: LedgerStore } | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
}

export const createReservationService = (dependencies: Dependencies): ReservationService => {
  const { seriesCache, gapless, clock, emit } = dependencies;

  const found = <Found>(id: string, outcome: Found | undefined): Found => {
    if (outcome === undefined) throw new ReservationNotFoundError(id);
    return outcome;
  };

  const ended = (id: string, outcome: EndedReservation | undefined): Reservation => {
    const { ended: asAsked, reservation } = found(id, outcome);
    if (!asAsked) throw new ReservationEndedError(reservation);
    emit({ type: 'reservation', outcome: reservation.state });
    return reservation;
  };

  const reserve = async (
    prefixKey: string,
    { ttlMs, variables, subject, receipt }: ReservationOptions,
  ): Promise<ReservedNumber> => {
    const instantMs = clock.now();
    const series = await seriesCache.get(prefixKey);
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
    if (receipt !== undefined) {
      const request = { ...receipt, atMs: instantMs };
      const { id, replayed } = await gapless.allocator.reserveOnce(target, ttlMs, request, { print, subject });
      if (!replayed) emit({ type: 'reservation', outcome: 'reserved' });
      return { reservation: found(id, await gapless.ledger.findReservation(id)), source };
    }
    const { id, value, expiresAtMs } = await gapless.allocator.reserve(target, ttlMs, { print, subject });
    emit({ type: 'reservation', outcome: 'reserved' });
    const reservation: Reservation = {
      id,
      ...target.sequence,
      value,
      number: print(value),
      state: 'reserved',
      subject,
      reservedAtMs: expiresAtMs - ttlMs,
      expiresAtMs,
      endedAtMs: undefined,
      reason: undefined,
    };
    return { reservation, source };
  };

  return {
    reserve: async (prefixKey, options) => {
      try {
        return await reserve(prefixKey, options);
      } catch (error) {
        // Its prefix may have been removed since.
        if (options.receipt === undefined || gapless === undefined) throw error;
        const { ledger } = gapless;
        const earlier = await findEarlier([ledger], prefixKey, options.receipt, clock.now(), error);
        const id = keptReservation(earlier.receipt);
        return { reservation: found(id, await ledger.findReservation(id)), source: earlier.source };
      }
    },

    read: async (id) => found(id, await gapless?.ledger.findReservation(id)),
    confirm: async (id) => ended(id, await gapless?.ledger.confirm(id)),
    void: async (id, reason) => ended(id, await gapless?.ledger.void(id, reason)),
  };
};
