/** What the calls on prefix configs take and reply. */
import { z } from 'zod';
import { type PrefixConfig, prefixKeySchema } from '../../core/prefix-config.ts';

export const prefixKeyParams = z.strictObject({ prefixKey: prefixKeySchema });

const LIMIT_RULE = 'A whole number from 1 to 1000';
const CURSOR_RULE = 'Not a cursor of this list: pass the nextCursor of the page before';

export const encodeCursor = (prefixKey: string): string => Buffer.from(prefixKey).toString('base64url');

export const listQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^[0-9]{1,4}$/, LIMIT_RULE)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= 1000, LIMIT_RULE)
    .default(100)
    .describe('Items in a page, 1 to 1000; default 100.'),
  cursor: z
    .string()
    .max(128, CURSOR_RULE)
    .transform((cursor) => Buffer.from(cursor, 'base64url').toString())
    .pipe(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/, CURSOR_RULE))
    .optional()
    .describe('The nextCursor of the page before.'),
});

const configFields = {
  prefixKey: z.string(),
  format: z.string(),
  seqLength: z.int(),
  initialSeq: z.string().describe('Decimal string, exact up to 2^64 - 1.'),
  strategy: z.string(),
  reset: z.string(),
  timeZone: z.string(),
  fiscalYearStart: z.string(),
  overflow: z.string(),
  version: z.int().describe('Also the ETag; send it back as If-Match to change the config.'),
};

export const configReply = z.object(configFields).meta({ id: 'PrefixConfig' });
export const writtenConfigReply = z
  .object({ status: z.enum(['registered', 'updated']), ...configFields })
  .meta({ id: 'WrittenPrefixConfig' });
export const configPageReply = z
  .object({
    items: z.array(configReply),
    nextCursor: z.string().nullable().describe('Pass it as cursor for the next page; null on the last one.'),
  })
  .meta({ id: 'PrefixConfigPage' });

/** A config as replies show it: values are decimal strings, since JSON numbers are not exact above 2^53. */
export const toConfigReply = (config: PrefixConfig): z.output<typeof configReply> => ({
  ...config,
  initialSeq: config.initialSeq.toString(),
});
