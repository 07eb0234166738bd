/** The text of `lua/reserve.lua` as Redis gets it. */
import { readFileSync } from 'node:fs';

export const RESERVE_SCRIPT = readFileSync(new URL('./lua/reserve.lua', import.meta.url), 'utf8');
