/** One measure for each prefix of the sequences in use, for the watchers that report the worst. */
import { setImmediate } from 'node:timers/promises';
import type { Standing } from '../../allocators/allocator.ts';

interface MeasureOptions<Measure> {
  readonly standings: Iterable<Standing>;
  /** Sequences looked at before others get a turn. */
  readonly slice: number;
  readonly measureOf: (standing: Standing) => Measure | undefined;
  /** Negative when `a` stands for its prefix rather than `b`. */
  readonly compare: (a: Measure, b: Measure) => number;
}

/** One measure for each prefix, for two periods of it may be in use around midnight. @returns them in the order of `compare`. */
export const worstPerPrefix = async <Measure extends { readonly prefixKey: string }>({
  standings,
  slice,
  measureOf,
  compare,
}: MeasureOptions<Measure>): Promise<Measure[]> => {
  const measures = new Map<string, Measure>();
  let seen = 0;
  for (const standing of standings) {
    const measure = measureOf(standing);
    const known = measure && measures.get(measure.prefixKey);
    if (measure && (known === undefined || compare(measure, known) < 0)) measures.set(measure.prefixKey, measure);
    seen += 1;
    if (seen % slice === 0) await setImmediate();
  }
  return [...measures.values()].sort(compare);
};
