/** How replies write a value, the integer behind a number. */
import { z } from 'zod';

export const value = z.string().describe('A value: decimal string, exact up to 2^64 - 1.');
