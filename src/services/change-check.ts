/** Which changes of a live prefix would print a number again that it has printed, or may still print on another node. */
import { readCalendar } from '../core/calendar.ts';
import type { Clock } from '../core/clock.ts';
import type { CounterStore } from '../core/counter-store.ts';
import { ValidationError } from '../core/errors.ts';
import type { LedgerStore } from '../core/ledger-store.ts';
import { couldMeet, isSameNumbering, type Numbering } from '../core/numbering.ts';
import { periodKeyOf, RESETS } from '../core/period.ts';
import type { PrefixConfigInput } from '../core/prefix-config.ts';
import { type FormerNumbering, HISTORY_MAX } from '../core/prefix-history.ts';
import { SNOWFLAKE_MIN } from '../core/snowflake.ts';

interface Dependencies {
  readonly counters: Pick<CounterStore, 'inspect'>;
  readonly ledger?: Pick<LedgerStore, 'inspect'> | undefined;
  readonly clock: Clock;
}

/** Other nodes count on for some seconds after a change, and must not reach the snowflakes in that time. */
const COUNTER_MAX = SNOWFLAKE_MIN / 10n;

const refuse = (path: string, message: string): never => {
  throw new ValidationError([{ path, message }]);
};

const refuseToMeet = (prefixKey: string, earlier: Numbering, next: Numbering): void => {
  if (!couldMeet(prefixKey, earlier, next)) return;
  const path = earlier.strategy !== next.strategy ? 'strategy' : earlier.reset !== next.reset ? 'reset' : 'format';
  refuse(
    path,
    `Numbers could come twice: this prefix was numbered as ${earlier.format} (${earlier.strategy}, reset ${earlier.reset}). ` +
      'Choose a format whose letters or signs differ from that one, or register another prefix key',
  );
};

/**
 * @returns a check of what shall be the config of a prefix that was numbered as `former` until now, or until it was removed. It throws
 * ValidationError, or the stores' errors. All that the prefix ever was counts, for its numbers are in use; and the last config is served by other nodes for up to 5 s.
 */
export const createChangeCheck = ({ counters, ledger, clock }: Dependencies) => {
  /** Snowflakes and counters are told apart by their size. */
  const keepBelowSnowflakes = async (prefixKey: string, input: PrefixConfigInput): Promise<void> => {
    const reading = readCalendar(clock.now(), input.timeZone);
    for (const reset of RESETS) {
      const sequence = { prefixKey, period: periodKeyOf(reading, reset, input.fiscalYearStart) };
      const values = [(await counters.inspect(sequence)).value, (await ledger?.inspect(sequence))?.value];
      if (values.some((value) => value !== undefined && value >= COUNTER_MAX)) {
        refuse('strategy', `The counter of this prefix has passed ${COUNTER_MAX}: it could meet a snowflake`);
      }
    }
    if (input.initialSeq >= COUNTER_MAX) {
      refuse('initialSeq', `This prefix has, or had, snowflakes: its counter stays below ${COUNTER_MAX}`);
    }
  };

  return async (prefixKey: string, former: readonly FormerNumbering[], input: PrefixConfigInput): Promise<void> => {
    const others = former.filter((one) => !isSameNumbering(one, input));
    const earlier = others.filter((one, index) => others.findIndex((first) => isSameNumbering(first, one)) === index);
    if (earlier.length >= HISTORY_MAX) {
      refuse('format', `This prefix was numbered in ${HISTORY_MAX} other ways already: register another prefix key`);
    }
    for (const one of earlier) refuseToMeet(prefixKey, one, input);
    const strategies = new Set([input, ...earlier].map(({ strategy }) => strategy));
    if (strategies.has('snowflake') && strategies.size > 1) await keepBelowSnowflakes(prefixKey, input);
  };
};
