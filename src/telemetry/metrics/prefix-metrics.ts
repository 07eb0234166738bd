/**
 * The metrics that name prefixes, twice: with each prefix apart, and with all of them as one for callers who may not know which
 * there are. What stands for all is the worst of them, or their sum, so that an alert fires by either.
 */
import type { Registry } from 'prom-client';
import type { CapacityMeasure, Emit, GapMeasure, StandbyMeasure } from '../../core/events/events.ts';
import { registerCounter, registerGauge, type Sample } from './collected.ts';
import { createIssuedNumbers, OTHER } from './issued-numbers.ts';

/** Where the two versions are registered, under the same names. */
export interface PrefixRegistries {
  readonly apart: Registry;
  readonly asOne: Registry;
}

interface Measured<Measure> {
  readonly measures: readonly Measure[];
  readonly other: Measure | undefined;
}

/** The sample of all others comes last, and so wins over a prefix that is called `other`. */
const byPrefix = <Measure extends { readonly prefixKey: string }>(
  { measures, other }: Measured<Measure>,
  read: (measure: Measure) => number | undefined,
): Sample[] =>
  [...measures, ...(other === undefined ? [] : [other])].flatMap((measure) => {
    const value = read(measure);
    return value === undefined ? [] : [[{ prefix: measure.prefixKey }, value] as const];
  });

type Join = (a: number, b: number) => number;
const sum: Join = (a, b) => a + b;

const joined = (samples: readonly Sample[], join: Join): Sample[] =>
  samples.length === 0 ? [] : [[{ prefix: OTHER }, samples.map(([, value]) => value).reduce((a, b) => join(a, b))]];

/**
 * Registers the metrics by prefix: numbers issued, what is left of series and standbys, and gaps.
 *
 * @param prefixesMax how many prefixes have a label of their own; the others share `other`.
 * @returns the listener to the events behind them.
 */
export const createPrefixMetrics = (registries: PrefixRegistries, prefixesMax: number): Emit => {
  const issued = createIssuedNumbers(prefixesMax);
  let capacities: Measured<CapacityMeasure> = { measures: [], other: undefined };
  let standbys: Measured<StandbyMeasure> = { measures: [], other: undefined };
  let gaps: Measured<GapMeasure> = { measures: [], other: undefined };

  const issuedOptions = {
    name: 'number_generator_numbers_issued_total',
    help: 'Numbers handed out, by prefix (the first ones in use, then other), strategy, and where their values came from.',
    labelNames: ['prefix', 'strategy', 'source'],
  };
  registerCounter(registries.apart, issuedOptions, () =>
    issued.counts().map(({ count, ...labels }) => [labels, count] as const),
  );
  registerCounter(registries.asOne, issuedOptions, () =>
    issued.counts().map(({ count, ...labels }) => [{ ...labels, prefix: OTHER }, count] as const),
  );

  const gauge = (name: string, help: string, join: Join, collect: () => Sample[]): void => {
    registerGauge(registries.apart, { name, help, labelNames: ['prefix'] }, collect);
    registerGauge(registries.asOne, { name, help, labelNames: ['prefix'] }, () => joined(collect(), join));
  };
  gauge(
    'number_generator_capacity_used_ratio',
    'Share of the width (or the limit) that is used, of the fullest prefixes of this node; the fullest of the rest is other.',
    Math.max,
    () => byPrefix(capacities, ({ used }) => used),
  );
  gauge(
    'number_generator_capacity_seconds_left',
    'Until the width (or the limit) is reached at the recent pace; absent when it is not.',
    Math.min,
    () => byPrefix(capacities, ({ secondsLeft }) => secondsLeft),
  );
  gauge(
    'number_generator_standby_values_left',
    'Values of the standby segments of this node that are not used yet, of the prefixes with the smallest share left.',
    Math.min,
    () => byPrefix(standbys, ({ left }) => left),
  );
  gauge(
    'number_generator_standby_left_ratio',
    'Share of the standby segment that is not used yet, of the prefixes with the smallest share left.',
    Math.min,
    () => byPrefix(standbys, ({ leftRatio }) => leftRatio),
  );
  gauge(
    'number_generator_gap_record_entries',
    'Ranges in the gap records of the sequences in use on this node, of the prefixes with most; the sum of the rest is other.',
    sum,
    () => byPrefix(gaps, ({ entries }) => entries),
  );

  return (event) => {
    if (event.type === 'numbers-issued') issued.add(event.prefixKey, event.strategy, event.source, event.count);
    else if (event.type === 'capacity-measured') capacities = event;
    else if (event.type === 'standby-measured') standbys = event;
    else if (event.type === 'gaps-measured') gaps = event;
  };
};
