/** Which prefix configs would print numbers again, or leave a hole, by what the prefix has counted before. */

import type { Clock } from '../../core/clock.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import { ValidationError } from '../../core/errors.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import type { PrefixConfigInput } from '../../core/prefix-config/prefix-config.ts';
import { readCalendar } from '../../core/template/calendar.ts';
import { periodKeyOf, RESETS, type Reset } from '../../core/template/period.ts';
import { type SeriesId, sequenceOf } from '../../core/values/sequence-id.ts';

interface Dependencies {
  readonly counters: Pick<CounterStore, 'inspect' | 'listPeriods'>;
  /** Where gapless prefixes count; undefined where they are not served. */
  readonly ledger?: Pick<LedgerStore, 'inspect' | 'listPeriods'> | undefined;
  readonly clock: Clock;
}

const refuse = (path: string, message: string): never => {
  throw new ValidationError([{ path, message }]);
};

// The ledger accounts for every value of the series or it is worth nothing, and it shares no counter with the others.
const refuseCounted = () =>
  refuse('strategy', 'This prefix has numbers that are in no ledger: register another prefix key as gapless');
const refuseGapless = () =>
  refuse('strategy', 'This prefix has counted as gapless: keep that, or register another prefix key');

/**
 * @returns a check of a config that is to be registered, or to replace another one.
 * It throws ValidationError, or the stores' errors.
 */
export const createRestartCheck = ({ counters, ledger, clock }: Dependencies) => {
  /** Of other periods than these, which are looked at themselves: a report on one would look for it in the other store. */
  const refuseOtherStore = async (id: SeriesId, isGapless: boolean, present: ReadonlySet<string>) => {
    const { listPeriods } = isGapless ? counters : (ledger ?? {});
    const periods = (await listPeriods?.(id, undefined, present.size + 1)) ?? [];
    if (periods.every((period) => present.has(period))) return;
    if (isGapless) refuseCounted();
    else refuseGapless();
  };

  return async (id: SeriesId, input: PrefixConfigInput): Promise<void> => {
    const reading = readCalendar(clock.now(), input.timeZone);
    const isGapless = input.strategy === 'gapless';
    const periodOf = (reset: Reset): string => periodKeyOf(reading, reset, input.fiscalYearStart);
    const check = async (reset: Reset): Promise<void> => {
      const sequence = sequenceOf(id, periodOf(reset));
      const isOther = reset !== input.reset;
      // The counter of its own that a prefix goes on with is not asked for: it may be any, also one that cannot be read.
      const inCounter = isOther || isGapless ? (await counters.inspect(sequence)).value : undefined;
      const inLedger = ledger && (await ledger.inspect(sequence)).value;
      // Another reset would count from another counter and print the numbers of this period again.
      if (isOther && (inCounter ?? inLedger) !== undefined) {
        refuse('reset', `This prefix has counted with reset ${reset}: keep that, or register another prefix key`);
      }
      if (isGapless && inCounter !== undefined) refuseCounted();
      if (!isGapless && inLedger !== undefined) refuseGapless();
      if (inLedger !== undefined && input.initialSeq > inLedger) {
        refuse('initialSeq', `This gapless prefix stands at ${inLedger}: a higher initialSeq would be a hole`);
      }
    };
    for (const reset of RESETS) await check(reset);
    await refuseOtherStore(id, isGapless, new Set(RESETS.map(periodOf)));
  };
};
