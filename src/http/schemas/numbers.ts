/** What the calls that take numbers take and reply. */

import { z } from 'zod';
import { prefixKeySchema } from '../../core/prefix-config/prefix-config-fields.ts';
import { EXAMPLE, SAME_AS } from '../../core/schema-marks.ts';
import { COUNT_MAX } from '../../services/numbers/number-service.ts';
import { variablesObject, variablesQuery } from './variables.ts';

const COUNT_RULE = `A whole number from 1 to ${COUNT_MAX}`;

const DATE_LENGTH_MAX = 40;

const countText = z
  .string()
  .regex(/^[1-9][0-9]{0,4}$/, COUNT_RULE)
  .transform(Number)
  .refine((count) => count <= COUNT_MAX, COUNT_RULE)
  .optional()
  .meta({ type: 'integer', minimum: 1, maximum: COUNT_MAX, pattern: undefined })
  .describe(`How many consecutive numbers to take, 1 to ${COUNT_MAX}. With it the reply is a list.`);

export const numbersQuery = z.strictObject({ prefixKey: prefixKeySchema, count: countText, variables: variablesQuery });
export const countQuery = z.strictObject({ count: countText, variables: variablesQuery });

export const numbersBody = z
  .strictObject({
    prefixKey: prefixKeySchema.optional(),
    prefix_key: prefixKeySchema.optional().meta({ [SAME_AS]: 'prefixKey' }),
    count: z.int(COUNT_RULE).min(1, COUNT_RULE).max(COUNT_MAX, COUNT_RULE).optional(),
    variables: variablesObject,
    date: z
      .string()
      .max(DATE_LENGTH_MAX)
      .optional()
      .describe(
        'The date of the document, when that is not now: a day in the time zone of the prefix, or an instant with offset; such as 2026-11-25.',
      ),
  })
  .transform(({ prefixKey, prefix_key: snakeKey, count, variables, date }, ctx) => {
    if (prefixKey !== undefined && snakeKey !== undefined && prefixKey !== snakeKey) {
      ctx.addIssue({ code: 'custom', path: ['prefix_key'], message: 'Given as prefixKey too, with another value' });
    }
    const given = prefixKey ?? snakeKey;
    if (given === undefined) ctx.addIssue({ code: 'custom', path: ['prefixKey'], message: 'Required, but missing' });
    return { prefixKey: given ?? '', count, variables, date };
  })
  .meta({ id: 'NumbersRequest', required: ['prefixKey'], [EXAMPLE]: { prefixKey: 'INV', count: 3 } });

/** For the description only: what is in it is read where the key is used. @param what a repetition gets. */
export const idempotencyHeadersFor = (what: string) =>
  z.looseObject({
    'idempotency-key': z
      .string()
      .optional()
      .describe(
        `Makes the request safe to repeat: for 24 hours the same key of the same caller, with the same payload, gets ${what}. 1 to 255 printable ASCII characters in double quotes; a bare word will do too. Make a new one, such as a UUID, for each thing to be numbered.`,
      ),
  });

export const idempotencyHeaders = idempotencyHeadersFor('the same numbers');

/** One shape for both, since generated clients are poor at telling unnamed shapes apart. */
export const numbersReply = z
  .object({
    number: z.string().optional().describe('The number; when no count was given.'),
    numbers: z.array(z.string()).optional().describe('The numbers in the order of the values; when count was given.'),
    temporary: z
      .literal(true)
      .optional()
      .describe('Stand-ins, issued while the store is away, to be replaced by hand.'),
  })
  .meta({ id: 'IssuedNumbers', examples: [{ number: 'INV-2026-000124' }] });
