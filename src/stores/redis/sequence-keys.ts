/** The Redis keys of a sequence; all of one sequence lie in the same cluster slot. */
import type { SequenceName } from '../../core/sequence-store.ts';

export interface SequenceKeys {
  readonly counter: string;
  readonly state: string;
  readonly gaps: string;
}

export const sequenceKeys = ({ prefixKey, period }: SequenceName): SequenceKeys => {
  const base = `{sequence:${prefixKey}}`;
  if (period === '') return { counter: `sequence:${prefixKey}`, state: `${base}:state`, gaps: `${base}:gaps` };
  return { counter: `${base}:${period}`, state: `${base}:${period}:state`, gaps: `${base}:${period}:gaps` };
};
