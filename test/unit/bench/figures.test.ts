/** The figures of the benchmark: medians, and ratios within the round. */
import { describe, expect, test } from 'vitest';
import { figuresOf, type Sample, spreadOf } from '../../../bench/figures.ts';
import { readOptions } from '../../../bench/options.ts';

const sample = (requestsPerSecond: number, serverUs: number | undefined): Sample => ({
  requestsPerSecond,
  numbersPerSecond: requestsPerSecond,
  serverUs,
  redisUs: undefined,
  redisCores: undefined,
  p50Us: 1,
  p95Us: 2,
  p99Us: 3,
  failed: 1,
});

describe('figures of the benchmark', () => {
  test('the median of an even number of values lies between the two in the middle', () => {
    expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  });

  test('what could not be measured is no figure, and does not count as nothing', () => {
    expect(spreadOf([undefined, undefined])).toBeUndefined();
    expect(spreadOf([undefined, 5])).toEqual({ median: 5, min: 5, max: 5 });
  });

  test('a ratio compares runs of the same round, so that a slow round changes none', () => {
    const base = [sample(100, 10), sample(10, 100), sample(50, 20)];
    const half = figuresOf('half', [sample(50, 20), sample(5, 200), sample(25, 40)], base);
    expect(half.ratio).toEqual({ median: 0.5, min: 0.5, max: 0.5 });
    expect(half.cpuRatio).toEqual({ median: 0.5, min: 0.5, max: 0.5 });
    expect(half.failed).toBe(3);
  });

  test('without CPU times there is no ratio of them', () => {
    expect(figuresOf('x', [sample(1, undefined)], [sample(1, 1)]).cpuRatio).toBeUndefined();
  });
});

describe('options of the benchmark', () => {
  test('--smoke is short and keeps nothing, but what is said beside it counts', () => {
    expect(readOptions(['--smoke', '--rounds', '2'])).toMatchObject({ rounds: 2, seconds: 1, out: undefined });
  });

  test('--help asks for help', () => {
    expect(readOptions(['--help'])).toBeUndefined();
  });

  test.each([
    ['--rounds', '0'],
    ['--seconds', '601'],
    ['--scenarios', 'nothing'],
    ['--subjects', 'bare,nobody'],
  ])('%s %s is refused with a sentence', (option, value) => {
    expect(() => readOptions([option, value])).toThrow(/takes a whole number|there is no/);
  });
});
