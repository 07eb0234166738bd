/** From samples to figures: medians, spreads, and ratios within a round. */

/** What one run of the load generator showed. */
export interface Sample {
  readonly requestsPerSecond: number;
  readonly numbersPerSecond: number;
  /** CPU time of the server, and of Redis, per request, µs; undefined where it is not known. */
  readonly serverUs: number | undefined;
  readonly redisUs: number | undefined;
  /** Cores that Redis used. */
  readonly redisCores: number | undefined;
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly failed: number;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @returns undefined when there are no values. */
export const spreadOf = (values: readonly (number | undefined)[]): Spread | undefined => {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) return undefined;
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle) - 1] ?? min) + (sorted[Math.floor(middle)] ?? max)) / 2;
  return { median, min, max };
};

export interface CellFigures {
  readonly label: string;
  readonly requestsPerSecond: Spread | undefined;
  readonly numbersPerSecond: Spread | undefined;
  /** Requests per second, and server CPU per request the other way round, against the first cell in the same round. */
  readonly ratio: Spread | undefined;
  readonly cpuRatio: Spread | undefined;
  readonly serverUs: Spread | undefined;
  readonly redisUs: Spread | undefined;
  readonly redisCores: Spread | undefined;
  readonly p50Us: Spread | undefined;
  readonly p95Us: Spread | undefined;
  readonly p99Us: Spread | undefined;
  readonly failed: number;
}

const quotient = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined || b === 0 ? undefined : a / b;

/** @param base the samples of the first cell, round by round. */
export const figuresOf = (label: string, samples: readonly Sample[], base: readonly Sample[]): CellFigures => {
  const of = (pick: (sample: Sample) => number | undefined): Spread | undefined => spreadOf(samples.map(pick));
  return {
    label,
    requestsPerSecond: of((sample) => sample.requestsPerSecond),
    numbersPerSecond: of((sample) => sample.numbersPerSecond),
    ratio: spreadOf(samples.map((sample, round) => quotient(sample.requestsPerSecond, base[round]?.requestsPerSecond))),
    cpuRatio: spreadOf(samples.map((sample, round) => quotient(base[round]?.serverUs, sample.serverUs))),
    serverUs: of((sample) => sample.serverUs),
    redisUs: of((sample) => sample.redisUs),
    redisCores: of((sample) => sample.redisCores),
    p50Us: of((sample) => sample.p50Us),
    p95Us: of((sample) => sample.p95Us),
    p99Us: of((sample) => sample.p99Us),
    failed: samples.reduce((sum, { failed }) => sum + failed, 0),
  };
};
