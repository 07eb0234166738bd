/** What the call that takes a snowflake id apart takes and replies. */
import { z } from 'zod';
import { EXAMPLE } from '../../core/schema-marks.ts';
import { readSnowflake, type SnowflakeParts } from '../../core/snowflake/snowflake.ts';
import { parseValue } from '../../core/values/value.ts';
import { instant } from './instant.ts';

const ID_RULE = 'Not a snowflake id of this service: 17 to 19 digits, as they stand in the number';

export const snowflakeParams = z.strictObject({
  id: z
    .string()
    .max(20, ID_RULE)
    .transform((text, ctx): SnowflakeParts & { id: string } => {
      const value = parseValue(text.replace(/^0+(?=[0-9])/, ''));
      const parts = value === undefined ? undefined : readSnowflake(value);
      if (parts !== undefined) return { id: `${value}`, ...parts };
      ctx.addIssue({ code: 'custom', message: ID_RULE });
      return z.NEVER;
    })
    .describe('The id as it stands in the number; leading zeros are ignored.')
    .meta({ [EXAMPLE]: '59522206924805120' }),
});

export const snowflakeReply = z
  .object({
    id: z.string().describe('Decimal string: JSON numbers are not exact above 2^53.'),
    issuedAt: instant.describe('To the millisecond, by the clock of the node that made it.'),
    dataCentre: z.int().min(0).max(7).describe('0 to 7: the DC_ID of the node.'),
    worker: z.int().min(0).max(255).describe('0 to 255: the worker id the node had leased.'),
    sequence: z.int().min(0).max(1023).describe('0 to 1023, within the millisecond.'),
  })
  .meta({
    id: 'Snowflake',
    examples: [
      { id: '59522206924805120', issuedAt: '2026-11-25T12:00:00.000Z', dataCentre: 0, worker: 5, sequence: 0 },
    ],
  });

export const toSnowflakeReply = ({
  id,
  issuedAtMs,
  dataCentre,
  worker,
  sequence,
}: z.output<typeof snowflakeParams>['id']): z.output<typeof snowflakeReply> => ({
  id,
  issuedAt: new Date(issuedAtMs).toISOString(),
  dataCentre,
  worker,
  sequence,
});
