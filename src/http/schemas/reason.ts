/** The reason for an action that cannot be undone. */
import { z } from 'zod';
import { isPlain, PLAIN_RULE } from '../../core/plain-text.ts';

const REASON_RULE = 'A sentence of 1 to 500 characters that says why';

export const reasonSchema = z
  .string(REASON_RULE)
  .normalize()
  .trim()
  .min(1, REASON_RULE)
  .max(500, REASON_RULE)
  .refine(isPlain, PLAIN_RULE);
