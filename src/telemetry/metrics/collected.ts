/** Counters and gauges that are asked for their values when Prometheus asks: nothing is looked up by labels on the way. */
import { Counter, Gauge, type Registry } from 'prom-client';

type Labels = Readonly<Record<string, string | number>>;
/** A value under its labels; of two under the same labels a counter is their sum, a gauge the last. */
export type Sample = readonly [labels: Labels, value: number];

interface MetricOptions {
  /** Says the unit at its end; of a counter `_total`. */
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

type Collect = () => Iterable<Sample> | number;

const samplesOf = (collected: Iterable<Sample> | number): Iterable<Sample> =>
  typeof collected === 'number' ? [[{}, collected]] : collected;

export const registerCounter = (registry: Registry, options: MetricOptions, collect: Collect): void => {
  const counter = new Counter({
    ...options,
    labelNames: [...(options.labelNames ?? [])],
    registers: [registry],
    collect: () => {
      counter.reset();
      for (const [labels, value] of samplesOf(collect())) counter.inc({ ...labels }, value);
    },
  });
};

export const registerGauge = (registry: Registry, options: MetricOptions, collect: Collect): void => {
  const gauge = new Gauge({
    ...options,
    labelNames: [...(options.labelNames ?? [])],
    registers: [registry],
    collect: () => {
      gauge.reset();
      for (const [labels, value] of samplesOf(collect())) gauge.set({ ...labels }, value);
    },
  });
};

/** Counts by one label; those named at first are shown as 0 until they happen, so that a rate sees the first one. */
export const createTally = <Name extends string>(first: readonly Name[] = []) => {
  const counts = new Map<Name, number>(first.map((name) => [name, 0]));
  return {
    add: (name: Name, count = 1): void => {
      counts.set(name, (counts.get(name) ?? 0) + count);
    },
    samples: (label: string): Sample[] => [...counts].map(([name, count]) => [{ [label]: name }, count] as const),
  };
};
