/** What the calls on sequences and temporary numbers take and reply. */

import { z } from 'zod';
import type { TemporaryNumber } from '../../core/counter/temporary-number-store.ts';
import { prefixKeySchema, strategySchema } from '../../core/prefix-config/prefix-config-fields.ts';
import { EXAMPLE } from '../../core/schema-marks.ts';
import type { Closure } from '../../core/values/closure.ts';
import { GAP_REASONS, type Gap } from '../../core/values/gap.ts';
import { rangeSize } from '../../core/values/range.ts';
import { parseValue } from '../../core/values/value.ts';
import type { Advanced } from '../../services/sequences/sequence-advance.ts';
import type { SequenceReport } from '../../services/sequences/sequence-service.ts';
import { instant } from './instant.ts';
import { nextCursor, pageQuery } from './page.ts';
import { reasonSchema } from './reason.ts';
import { periodQuery } from './reports.ts';
import { value } from './value.ts';

export const sequenceReply = z
  .object({
    prefixKey: z.string(),
    period: z.string(),
    strategy: strategySchema,
    value: value.describe('The last value taken in order.'),
    nextValue: value.nullable().describe('The value of the next number; null when the series is exhausted.'),
    nextNumber: z
      .string()
      .nullable()
      .describe(
        'What the next number would be now; null when the series is exhausted, or needs variables: see preview.',
      ),
    valuesLeft: value.describe('Values that can still be taken.'),
    forecast: z
      .object({
        valuesPerDay: z
          .number()
          .nullable()
          .describe('The pace of the last 12 to 24 hours as this node saw it; null in the first minute.'),
        widthReachedAt: instant
          .nullable()
          .describe('When the digits of the format are used up at this pace; null: not in this period.'),
        limitReachedAt: instant.nullable().describe('When the series ends at this pace; null: not in this period.'),
      })
      .describe('When it will be used up.')
      .meta({
        id: 'Forecast',
        examples: [{ valuesPerDay: 1250.5, widthReachedAt: '2028-08-02T09:12:44.000Z', limitReachedAt: null }],
      }),
    standby: z
      .object({ first: value, last: value, left: value })
      .meta({ id: 'StandbySegment' })
      .nullable()
      .describe('The standby segment of the node that replies.'),
    advanced: z
      .object({
        first: value,
        last: value,
        count: value,
        free: value.describe('Values below that were free, in a ledger: they are not handed out either.'),
        dryRun: z.boolean().describe('Nothing was done.'),
      })
      .meta({ id: 'PassedOver' })
      .optional()
      .describe('Of an advance: the values it passed over, or would.'),
  })
  .meta({ id: 'Sequence' });

const timeOf = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

const toAdvancedReply = ({ first, last, free, dryRun }: Advanced) => ({
  first: `${first}`,
  last: `${last}`,
  count: `${rangeSize({ first, last })}`,
  free: `${free}`,
  dryRun,
});

export const toSequenceReply = (report: SequenceReport): z.output<typeof sequenceReply> => ({
  prefixKey: report.config.prefixKey,
  period: report.period,
  strategy: report.config.strategy,
  value: `${report.value}`,
  nextValue: report.nextValue === undefined ? null : `${report.nextValue}`,
  nextNumber: report.nextNumber ?? null,
  valuesLeft: `${report.valuesLeft}`,
  forecast: {
    valuesPerDay:
      report.forecast.valuesPerDay === undefined ? null : Math.round(report.forecast.valuesPerDay * 10) / 10,
    widthReachedAt: timeOf(report.forecast.widthReachedAtMs),
    limitReachedAt: timeOf(report.forecast.limitReachedAtMs),
  },
  standby: report.standby
    ? { first: `${report.standby.first}`, last: `${report.standby.last}`, left: `${report.standby.left}` }
    : null,
  ...(report.advanced && { advanced: toAdvancedReply(report.advanced) }),
});

const TO_RULE = 'A whole number up to 18446744073709551615; above 9007199254740991 write it as a string of digits';

export const reason = reasonSchema.describe('Goes to the log.');

const PERIOD_RULE = 'The name of a period: 2026, 2026-11, 2026-11-25 or fy2026';

export const periodParams = z.strictObject({
  prefixKey: prefixKeySchema.meta({ examples: undefined }),
  period: z
    .string()
    .regex(/^(?:fy)?[0-9]{4}(?:-[0-9]{2}){0,2}$/, PERIOD_RULE)
    .describe(PERIOD_RULE),
});

export const closeBody = z
  .strictObject({ reason: reason.describe('Kept with the period, and goes to the log.') })
  .meta({ id: 'CloseRequest', [EXAMPLE]: { reason: 'The books of the year are closed' } });

const closureFields = {
  reason: z.string().describe('Of the first time it was closed.'),
  closedAt: instant,
  subject: z
    .string()
    .nullable()
    .describe(
      'Subject of the caller that closed it; null for a caller without a credential, and in entries of earlier versions.',
    ),
  requestId: z.string().nullable().describe('Of the request that closed it; null where an earlier version kept none.'),
};

export const closedPeriodReply = z
  .object({ prefixKey: z.string(), period: z.string(), ...closureFields })
  .meta({ id: 'ClosedPeriod' });

export const toClosureReply = (closure: Closure): Omit<z.output<typeof closedPeriodReply>, 'prefixKey' | 'period'> => ({
  reason: closure.reason,
  closedAt: new Date(closure.closedAtMs).toISOString(),
  subject: closure.subject ?? null,
  requestId: closure.requestId ?? null,
});

export const advanceBody = z
  .strictObject({
    to: z
      .union([z.int(TO_RULE).min(0, TO_RULE), z.string(TO_RULE)], TO_RULE)
      .transform((given, ctx) => {
        const parsed = parseValue(String(given));
        if (parsed === undefined) ctx.addIssue({ code: 'custom', message: TO_RULE });
        return parsed ?? 0n;
      })
      .describe('The value after which counting goes on; it must be above the current one.')
      .meta({ id: 'AdvanceTarget' }),
    reason,
    dryRun: z.boolean('true or false').default(false).describe('Only say what it would pass over.'),
    force: z
      .boolean('true or false')
      .default(false)
      .describe('Let a gapless sequence lose more than 1,000,000 numbers. Of no effect on others.'),
  })
  // No sequence stands below 0: sent as it is, the example is refused.
  .meta({ id: 'AdvanceRequest', [EXAMPLE]: { to: 0, reason: 'Handed over from the old system' } });

/** The cursor is the first value of the last gap. */
export const gapsQuery = pageQuery(/^(?:0|[1-9][0-9]{0,19})$/).extend({ period: periodQuery });

export const gapsReply = z
  .object({
    items: z.array(
      z
        .object({
          first: value,
          last: value,
          count: value,
          reason: z
            .string()
            .describe(`Why they were not issued: ${GAP_REASONS.join(', ')}; a later version may write others.`),
          node: z.string().nullable().describe('The node that held the values, if any.'),
          recordedAt: instant,
          detail: z.string().optional().describe('Why, as the operator wrote it; where it is kept.'),
          subject: z.string().optional().describe('Subject of the caller that did it; where it is stored.'),
        })
        .meta({ id: 'Gap' }),
    ),
    nextCursor,
  })
  .meta({ id: 'GapPage' });

export const toGapReply = (gap: Gap): z.output<typeof gapsReply>['items'][number] => ({
  first: `${gap.range.first}`,
  last: `${gap.range.last}`,
  count: `${rangeSize(gap.range)}`,
  reason: gap.reason,
  node: gap.node ?? null,
  recordedAt: new Date(gap.recordedAtMs).toISOString(),
  ...(gap.detail !== undefined && { detail: gap.detail }),
  ...(gap.subject !== undefined && { subject: gap.subject }),
});

const TEMPORARY_NUMBER = /^TMP-[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}-[0-9a-f]{1,32}-[0-9]{1,16}-[0-9]{1,16}$/;

export const temporaryNumberParams = z.strictObject({
  number: z.string().regex(TEMPORARY_NUMBER, 'A temporary number as it was issued: TMP-…'),
});

/** The cursor is the last number of the page before. */
export const temporaryNumbersQuery = pageQuery(TEMPORARY_NUMBER);

export const temporaryNumberReply = z
  .object({
    number: z.string(),
    prefixKey: z.string(),
    issuedAt: instant.describe('By the clock of the node that issued it.'),
    resolvedNumber: z.string().nullable().describe('The real number that replaced it.'),
  })
  .meta({ id: 'TemporaryNumber' });

export const temporaryNumbersReply = z
  .object({ items: z.array(temporaryNumberReply), nextCursor })
  .meta({ id: 'TemporaryNumberPage' });

export const toTemporaryNumberReply = (entry: TemporaryNumber): z.output<typeof temporaryNumberReply> => ({
  number: entry.number,
  prefixKey: entry.prefixKey,
  issuedAt: new Date(entry.issuedAtMs).toISOString(),
  resolvedNumber: entry.resolvedNumber ?? null,
});
