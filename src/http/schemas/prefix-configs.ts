/** What the calls on prefix configs take and reply. */
import { z } from 'zod';
import { PREFIX_KEY, type PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import { WRITE_STATUSES } from '../../core/prefix-config/prefix-config-body.ts';
import {
  outageSchema,
  overflowSchema,
  prefixKeySchema,
  resetSchema,
  strategySchema,
} from '../../core/prefix-config/prefix-config-fields.ts';
import { nextCursor, pageQuery } from './page.ts';
import { value } from './value.ts';

export const prefixKeyParams = z.strictObject({ prefixKey: prefixKeySchema });

/** For calls that cannot be undone: a page that fills in examples must not aim them at a series. */
export const unaimedPrefixKeyParams = z.strictObject({ prefixKey: prefixKeySchema.meta({ examples: undefined }) });

/** The cursor is the last key of the page before. */
export const listQuery = pageQuery(PREFIX_KEY);

const configFields = {
  prefixKey: z.string(),
  format: z.string(),
  seqLength: z.int().min(1).max(20),
  initialSeq: value.describe('The value before the first.'),
  strategy: strategySchema,
  reset: resetSchema,
  timeZone: z.string(),
  fiscalYearStart: z.string(),
  overflow: overflowSchema,
  outage: outageSchema,
  allowPast: z.boolean(),
  allowCollision: z.boolean(),
  version: z.int().min(1).describe('Also the ETag; send it back as If-Match to change the config.'),
};

export const configReply = z.object(configFields).meta({ id: 'PrefixConfig' });
export const writtenConfigReply = z
  .object({
    status: z
      .enum(WRITE_STATUSES)
      .describe('unchanged: a PATCH that says what is so already; nothing was written.')
      .meta({ id: 'WriteStatus' }),
    ...configFields,
    resetToDefaults: z
      .array(z.string())
      .optional()
      .describe(
        'Fields that this PUT or POST has set back to their defaults by leaving them out; absent when there are none.',
      ),
  })
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
  allowCollision: config.allowCollision === true,
});
