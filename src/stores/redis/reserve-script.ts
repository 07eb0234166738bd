/** The text of `lua/reserve.lua` as Redis gets it: with its parts in place of the `@include` lines. */
import { readFileSync } from 'node:fs';

const read = (name: string): string => readFileSync(new URL(`./lua/${name}`, import.meta.url), 'utf8');

export const RESERVE_SCRIPT = read('reserve.lua').replace(/^ *-- @include (\S+)$/gm, (_, part) =>
  read(`reserve/${part}`),
);
