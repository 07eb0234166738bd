/** The history of a prefix as stores keep it: JSON with snake_case names. */
import { z } from 'zod';
import { numberingSchema } from './numbering.ts';
import { encodeNumberingEnd, numberingEndSchema } from './numbering-times.ts';
import type { FormerNumbering, PrefixHistory } from './prefix-history.ts';

const formerSchema = z
  .looseObject({
    ...numberingSchema.shape,
    time_zone: z.string().default('UTC'),
    fiscal_year_start: z.string().default('01-01'),
    overflow: z.enum(['extend', 'reject']).default('extend'),
    until: numberingEndSchema.optional().catch(undefined),
  })
  .transform(
    ({ format, strategy, reset, time_zone, fiscal_year_start, overflow, until, ...unknown }): FormerNumbering => ({
      ...{ format, strategy, reset, timeZone: time_zone, fiscalYearStart: fiscal_year_start, overflow },
      ...(until && { until }),
      ...(Object.keys(unknown).length > 0 && { unknown }),
    }),
  );

const historySchema = z
  .looseObject({ removed: z.int().min(0).default(0), former: z.array(formerSchema).default([]) })
  .transform(
    ({ removed, former, ...unknown }): PrefixHistory => ({
      removed,
      former,
      ...(Object.keys(unknown).length > 0 && { unknown }),
    }),
  );

/** As JSON with snake_case names; only what differs from the default. */
export const encodeHistory = ({ removed, former, unknown }: PrefixHistory): string =>
  JSON.stringify({
    ...unknown,
    ...(removed > 0 && { removed }),
    former: former.map((one) => ({
      ...one.unknown,
      format: one.format,
      strategy: one.strategy,
      reset: one.reset,
      ...(one.timeZone !== 'UTC' && { time_zone: one.timeZone }),
      ...(one.fiscalYearStart !== '01-01' && { fiscal_year_start: one.fiscalYearStart }),
      ...(one.overflow !== 'extend' && { overflow: one.overflow }),
      ...(one.until && { until: encodeNumberingEnd(one.until) }),
    })),
  });

/** Reads what `encodeHistory` wrote. @returns undefined when there is nothing, or nothing that can be read. */
export const decodeHistory = (json: string | null | undefined): PrefixHistory | undefined => {
  if (json === null || json === undefined || json === '') return undefined;
  try {
    return historySchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
};
