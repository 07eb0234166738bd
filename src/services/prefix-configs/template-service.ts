/** What a template means, before anybody registers it: its parts, numbers as they will look, how many, and which resets it can carry. */

import type { Clock } from '../../core/clock.ts';
import { limitOf, type PrefixConfigInput } from '../../core/prefix-config/prefix-config.ts';
import { readCalendar } from '../../core/template/calendar.ts';
import { layOut, type PlacedPart } from '../../core/template/layout.ts';
import { periodKeyOf, RESETS, type Reset } from '../../core/template/period.ts';
import { dayVariablesOf, hiddenPeriodOf } from '../../core/template/period-shows.ts';
import { compileTemplate } from '../../core/template/printer.ts';
import { givenNamesOf, parseTemplate } from '../../core/template/template.ts';

export interface TemplateSample {
  readonly number: string;
  readonly value: bigint;
  readonly period: string;
}

export interface TemplateMeaning {
  /** In the order of the format. */
  readonly parts: readonly PlacedPart[];
  /** The names of the variables that requests must give; in the samples each stands for itself. */
  readonly givenNames: readonly string[];
  /** The first two numbers of the present period, and the first of the next one (without reset: the third). */
  readonly samples: readonly TemplateSample[];
  /** Values of each period that fit the width, from initialSeq + 1 on. */
  readonly capacity: bigint;
  /** Values of each period until it is exhausted: the same, or with `overflow: extend` up to 2^64 − 1. */
  readonly valuesMax: bigint;
  readonly resets: readonly Reset[];
}

export interface TemplateService {
  /** @throws InvalidFormatError, InvalidLengthError */
  explain(prefixKey: string, input: PrefixConfigInput): TemplateMeaning;
}

const DAY_MS = 86_400_000;
/** The longest period is a leap year. */
const DAYS_MAX = 367;

const upTo = (limit: bigint, initialSeq: bigint): bigint => (limit > initialSeq ? limit - initialSeq : 0n);

export const createTemplateService = (clock: Clock): TemplateService => ({
  explain: (prefixKey, input) => {
    const { initialSeq, seqLength, reset, timeZone, fiscalYearStart } = input;
    const template = parseTemplate(input.format);
    const sourceAt = compileTemplate(template, { prefixKey, timeZone, fiscalYearStart, strategy: input.strategy });
    const givenNames = givenNamesOf(template);
    const given = Object.fromEntries(givenNames.map((name) => [name, name.replace(/[_-]/g, '') || 'X']));
    const periodAt = (instantMs: number): string =>
      periodKeyOf(readCalendar(instantMs, timeZone), reset, fiscalYearStart);
    const sample = (instantMs: number, step: bigint): TemplateSample => {
      const value = initialSeq + step;
      return { number: sourceAt(instantMs)(given)(value), value, period: periodAt(instantMs) };
    };
    const nowMs = clock.now();
    let nextMs = nowMs;
    if (reset !== 'never') {
      const present = periodAt(nowMs);
      for (let day = 1; day <= DAYS_MAX && periodAt(nextMs) === present; day += 1) nextMs = nowMs + day * DAY_MS;
    }
    return {
      parts: layOut(template, input).parts,
      givenNames,
      samples: [sample(nowMs, 1n), sample(nowMs, 2n), sample(nextMs, reset === 'never' ? 3n : 1n)],
      capacity: upTo(limitOf({ overflow: 'reject', seqLength }), initialSeq),
      valuesMax: upTo(limitOf(input), initialSeq),
      resets: RESETS.filter(
        (candidate) => hiddenPeriodOf(dayVariablesOf(template), candidate, fiscalYearStart) === undefined,
      ),
    };
  },
});
