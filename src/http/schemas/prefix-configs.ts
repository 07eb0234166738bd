/** What the calls on prefix configs take and reply. */
import { z } from 'zod';
import { PREFIX_KEY, type PrefixConfig, prefixKeySchema } from '../../core/prefix-config.ts';
import { nextCursor, pageQuery } from './page.ts';

export const prefixKeyParams = z.strictObject({ prefixKey: prefixKeySchema });

/** The cursor is the last key of the page before. */
export const listQuery = pageQuery(PREFIX_KEY);

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
  outage: z.string(),
  allowPast: z.boolean(),
  version: z.int().describe('Also the ETag; send it back as If-Match to change the config.'),
};

export const configReply = z.object(configFields).meta({ id: 'PrefixConfig' });
export const writtenConfigReply = z
  .object({ status: z.enum(['registered', 'updated']), ...configFields })
  .meta({ id: 'WrittenPrefixConfig' });
export const configPageReply = z
  .object({
    items: z.array(configReply),
    nextCursor,
  })
  .meta({ id: 'PrefixConfigPage' });

/** A config as replies show it: values are decimal strings, since JSON numbers are not exact above 2^53. */
export const toConfigReply = (config: PrefixConfig): z.output<typeof configReply> => ({
  ...config,
  initialSeq: config.initialSeq.toString(),
});
