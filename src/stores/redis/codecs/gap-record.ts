/** Reads the gap record as `lua/reserve.lua` writes it: hash field = first value, entry = "last reason holder time". */
import type { Gap, GapReason } from '../../../core/values/gap.ts';
import { parseValue } from '../../../core/values/value.ts';

/** Also one that a later version has: a gap that is not listed would count as issued. */
const isReason = (word: string): word is GapReason => /^[a-z][a-z-]{0,63}$/.test(word);

/** The node of a holder: a node, NODE@CALL for a standby segment, or - for none. */
export const readHolder = (holder: string): string | undefined => (holder === '-' ? undefined : holder.split('@')[0]);

/** @returns undefined when the entry was not written by this service. */
export const readGap = (field: string, entry: string): Gap | undefined => {
  const [lastText = '', reason = '', holder = '', seconds = ''] = entry.split(' ');
  const first = parseValue(field);
  const last = parseValue(lastText);
  if (first === undefined || last === undefined || last < first || !isReason(reason)) return undefined;
  const recordedAtMs = Number(seconds) * 1_000;
  if (!Number.isSafeInteger(recordedAtMs)) return undefined;
  return { range: { first, last }, reason, node: readHolder(holder), recordedAtMs };
};
