/**
 * Histograms that cost next to nothing per observation: counted in plain slots, printed in Prometheus' format on a
 * scrape.
 */
import { Histogram, type MetricValueWithName, type Registry } from 'prom-client';

/** What was observed under one set of labels. */
export interface Buckets {
  /** Upper bounds of the slots, rising; what is above the last counts in the last slot of `counts`. */
  readonly bounds: readonly number[];
  /** Observations in each slot alone, not up to it. */
  readonly counts: number[];
  sum: number;
}

export const createBuckets = (bounds: readonly number[]): Buckets => ({
  bounds,
  counts: new Array<number>(bounds.length + 1).fill(0),
  sum: 0,
});

export const observe = (buckets: Buckets, value: number): void => {
  const { bounds, counts } = buckets;
  let slot = 0;
  while (slot < bounds.length && value > (bounds[slot] as number)) slot += 1;
  counts[slot] = (counts[slot] as number) + 1;
  buckets.sum += value;
};

export const isEmpty = ({ counts }: Buckets): boolean => counts.every((count) => count === 0);

type Labels = Readonly<Record<string, string>>;

const samplesOf = (name: string, labels: Labels, { bounds, counts, sum }: Buckets): MetricValueWithName<string>[] => {
  let upTo = 0;
  const slots = counts.map((count, slot) => {
    upTo += count;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: `${bounds[slot] ?? '+Inf'}` }, value: upTo };
  });
  return [
    ...slots,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: upTo },
  ];
};

interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** @param collect everything that was observed, by its labels; asked at each scrape. */
export const registerBuckets = (
  registry: Registry,
  { name, help, labelNames }: HistogramOptions,
  collect: () => Iterable<readonly [Labels, Buckets]>,
): void => {
  const get = async () => ({
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    values: [...collect()].flatMap(([labels, buckets]) => samplesOf(name, labels, buckets)),
  });
  const histogram = new Histogram({ name, help, labelNames: [...labelNames], registers: [] });
  // prom-client only registers and prints: its own slots join the labels to a text at each observation
  // (docs/measurements.md).
  registry.registerMetric(Object.assign(histogram, { get, getForPromString: get }) as unknown as Histogram);
};
