/** Pages of a list: how many items, and the cursor that leads from one to the next. */
import { z } from 'zod';

const LIMIT_RULE = 'A whole number from 1 to 1000';
const CURSOR_RULE = 'Not a cursor of this list: pass the nextCursor of the page before';
const CURSOR_LENGTH_MAX = 256;

/** @param last the pattern of the last item of a page, which the cursor contains. */
export const pageQuery = (last: RegExp) =>
  z.strictObject({
    limit: z
      .string()
      .regex(/^[0-9]{1,4}$/, LIMIT_RULE)
      .transform(Number)
      .refine((limit) => limit >= 1 && limit <= 1000, LIMIT_RULE)
      .default(100)
      .meta({ type: 'integer', minimum: 1, maximum: 1000, pattern: undefined })
      .describe('Items in a page, 1 to 1000; default 100.'),
    cursor: z
      .string()
      .max(CURSOR_LENGTH_MAX, CURSOR_RULE)
      .transform((cursor) => Buffer.from(cursor, 'base64url').toString())
      .pipe(z.string().regex(last, CURSOR_RULE))
      .optional()
      .describe('The nextCursor of the page before.'),
  });

/** The field of a reply that leads to the next page. */
export const nextCursor = z.string().nullable().describe('Pass it as cursor for the next page; null on the last one.');

/** @param last the last item of this page; undefined when there is no further page. */
export const encodeCursor = (last: string | undefined): string | null =>
  last === undefined ? null : Buffer.from(last).toString('base64url');
