/** What the calls that take numbers take and reply. */
import { z } from 'zod';
import { prefixKeySchema } from '../../core/prefix-config.ts';
import { COUNT_MAX } from '../../services/number-service.ts';
import { variablesObject, variablesQuery } from './variables.ts';

const COUNT_RULE = `A whole number from 1 to ${COUNT_MAX}`;

const DATE_LENGTH_MAX = 40;

const countText = z
  .string()
  .regex(/^[1-9][0-9]{0,4}$/, COUNT_RULE)
  .transform(Number)
  .refine((count) => count <= COUNT_MAX, COUNT_RULE)
  .optional()
  .describe(`How many consecutive numbers to take, 1 to ${COUNT_MAX}. With it the reply is a list.`);

export const numbersQuery = z.strictObject({ prefixKey: prefixKeySchema, count: countText, variables: variablesQuery });
export const countQuery = z.strictObject({ count: countText, variables: variablesQuery });

export const numbersBody = z
  .strictObject({
    prefixKey: prefixKeySchema.optional(),
    prefix_key: prefixKeySchema.describe('The same as prefixKey.').optional(),
    count: z.int(COUNT_RULE).min(1, COUNT_RULE).max(COUNT_MAX, COUNT_RULE).optional(),
    variables: variablesObject,
    date: z
      .string()
      .max(DATE_LENGTH_MAX)
      .optional()
      .describe(
        'The date of the document, when that is not now: a day in the time zone of the prefix, or an instant with offset.',
      )
      .meta({ examples: ['2026-11-25'] }),
  })
  .transform(({ prefixKey, prefix_key: snakeKey, count, variables, date }, ctx) => {
    if (prefixKey !== undefined && snakeKey !== undefined && prefixKey !== snakeKey) {
      ctx.addIssue({ code: 'custom', path: ['prefix_key'], message: 'Given as prefixKey too, with another value' });
    }
    const given = prefixKey ?? snakeKey;
    if (given === undefined) ctx.addIssue({ code: 'custom', path: ['prefixKey'], message: 'Required, but missing' });
    return { prefixKey: given ?? '', count, variables, date };
  });

/** For the description only: what is in it is read where the key is used. @param what a repetition gets. */
export const idempotencyHeadersFor = (what: string) =>
  z.looseObject({
    'idempotency-key': z
      .string()
      .optional()
      .describe(
        `Makes the request safe to repeat: for 24 hours the same key of the same caller, with the same payload, gets ${what}. 1 to 255 printable ASCII characters in double quotes; a bare word will do too.`,
      )
      .meta({ examples: ['"8e03978e-40d5-43e8-bc93-6894a57f9324"'] }),
  });

export const idempotencyHeaders = idempotencyHeadersFor('the same numbers');

export const numbersReply = z
  .union([
    z
      .object({ number: z.string(), temporary: z.literal(true).optional() })
      .meta({ examples: [{ number: 'INV-2026-000124' }] }),
    z.object({ numbers: z.array(z.string()), temporary: z.literal(true).optional() }),
  ])
  .describe(
    'One number; or, when count was given, a list in the order of the values. temporary: stand-ins, issued while the store is away, to be replaced by hand.',
  );
