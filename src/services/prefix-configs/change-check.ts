/** Which changes of a live prefix would print a number again that it has printed, or may still print on another node. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { collisionOf, type PrintedReading } from '../../core/collision/collision.ts';
import type { Budget } from '../../core/collision/common-text.ts';
import { type Language, languageOf, valuesOf } from '../../core/collision/format-language.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import { ValidationError } from '../../core/errors.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import { couldMeet } from '../../core/prefix-config/collision-rule.ts';
import type { PrefixConfigInput } from '../../core/prefix-config/prefix-config.ts';
import { type FormerNumbering, HISTORY_MAX, isSameFormer } from '../../core/prefix-config/prefix-history.ts';
import { SNOWFLAKE_MIN } from '../../core/snowflake/snowflake.ts';
import { readCalendar } from '../../core/template/calendar.ts';
import { periodKeyOf, RESETS } from '../../core/template/period.ts';
import { parseTemplate } from '../../core/template/template.ts';
import { type SeriesId, sequenceOf } from '../../core/values/sequence-id.ts';

interface Dependencies {
  readonly counters: Pick<CounterStore, 'inspect'>;
  readonly ledger?: Pick<LedgerStore, 'inspect'> | undefined;
  readonly clock: Clock;
}

/** Other nodes count on for some seconds after a change, and must not reach the snowflakes in that time. */
const COUNTER_MAX = SNOWFLAKE_MIN / 10n;

interface Search {
  readonly budget: Budget;
  /** Whether the prefix has, or had, snowflakes: then its counter stays below them. */
  readonly hasSnowflakes: boolean;
}

/** The numbers of a collision rule: all its values, because other nodes may still print any of them by it. */
const languageIn = (
  prefixKey: string,
  numbering: FormerNumbering | PrefixConfigInput,
  { hasSnowflakes }: Search,
): Language => {
  const { format, strategy, reset, timeZone, fiscalYearStart, overflow } = numbering;
  const { seqLength } = parseTemplate(format);
  const former = hasSnowflakes ? [{ format, reset, strategy: 'snowflake' as const }] : undefined;
  const values = valuesOf({ strategy, overflow, seqLength, former });
  const isDated = reset === 'never' || !('allowPast' in numbering) || numbering.allowPast;
  return languageOf({ prefixKey, format, strategy, reset, timeZone, fiscalYearStart, isDated, ...values });
};

const refuse = (path: string, message: string): never => {
  throw new ValidationError([{ path, message }]);
};

/** The setting that a client may change to have it accepted. */
const pathOf = (earlier: FormerNumbering, next: PrefixConfigInput): string =>
  (['strategy', 'reset', 'format', 'fiscalYearStart', 'timeZone'] as const).find(
    (name) => earlier[name] !== next[name],
  ) ?? 'format';

const describe = ({ period, value }: PrintedReading): string =>
  period === '' ? `value ${value}` : `value ${value} of ${period}`;

/** Steps of the search for common numbers over all earlier numberings, a second or two. */
const STEPS_MAX = 2_000_000;

const refuseToMeet = (prefixKey: string, earlier: FormerNumbering, next: PrefixConfigInput, search: Search): void => {
  const found = collisionOf(languageIn(prefixKey, earlier, search), languageIn(prefixKey, next, search), search.budget);
  if (found === undefined || (found === 'undecided' && !couldMeet(prefixKey, earlier, next))) return;
  const how = `${earlier.format} (${earlier.strategy}, reset ${earlier.reset})`;
  const proof =
    found === 'undecided'
      ? `this prefix was numbered as ${how}`
      : `${found.text} would be ${describe(found.one)} as this prefix was numbered before, ${how}, and ${describe(found.other)} from now on`;
  refuse(
    pathOf(earlier, next),
    `Numbers could come twice: ${proof}. Choose a format whose letters or signs differ from that one, or register another prefix key`,
  );
};

/**
 * @returns a check of what shall be the config of a prefix that was numbered as `former` until now, or until it was removed. It throws
 * ValidationError, or the stores' errors. All that the prefix ever was counts, for its numbers are in use; and the last config is served by other nodes for up to 5 s.
 */
export const createChangeCheck = ({ counters, ledger, clock }: Dependencies) => {
  /** Snowflakes and counters are told apart by their size. */
  const keepBelowSnowflakes = async (id: SeriesId, input: PrefixConfigInput): Promise<void> => {
    const reading = readCalendar(clock.now(), input.timeZone);
    for (const reset of RESETS) {
      const sequence = sequenceOf(id, periodKeyOf(reading, reset, input.fiscalYearStart));
      const values = [(await counters.inspect(sequence)).value, (await ledger?.inspect(sequence))?.value];
      if (values.some((value) => value !== undefined && value >= COUNTER_MAX)) {
        refuse('strategy', `The counter of this prefix has passed ${COUNTER_MAX}: it could meet a snowflake`);
      }
    }
    if (input.initialSeq >= COUNTER_MAX) {
      refuse('initialSeq', `This prefix has, or had, snowflakes: its counter stays below ${COUNTER_MAX}`);
    }
  };

  return async (id: SeriesId, former: readonly FormerNumbering[], input: PrefixConfigInput): Promise<void> => {
    const earlier = former.filter(
      (one, index) => !isSameFormer(one, input) && former.findIndex((first) => isSameFormer(first, one)) === index,
    );
    if (earlier.length >= HISTORY_MAX) {
      refuse('format', `This prefix was numbered in ${HISTORY_MAX} other ways already: register another prefix key`);
    }
    const strategies = new Set([input, ...earlier].map(({ strategy }) => strategy));
    const search = { budget: { left: STEPS_MAX }, hasSnowflakes: strategies.has('snowflake') };
    for (const one of earlier) {
      refuseToMeet(id.prefixKey, one, input, search);
      // Others have their turn: there may be many, and each takes its time.
      await setImmediate();
    }
    if (strategies.has('snowflake') && strategies.size > 1) await keepBelowSnowflakes(id, input);
  };
};
