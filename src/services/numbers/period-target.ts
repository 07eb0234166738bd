/** The counter of a period that a caller names. */
import type { AllocationTarget } from '../../allocators/allocator.ts';
import { ValidationError } from '../../core/errors.ts';
import { PERIOD_EXAMPLES } from '../../core/template/period.ts';
import type { SequenceId } from '../../core/values/sequence-id.ts';
import type { Series } from './series.ts';

/**
 * @param period the key of a period; undefined: the one of `instantMs`.
 * @throws ValidationError when the reset of the series has no period of that name.
 */
export const targetOfPeriod = (series: Series, period: string | undefined, instantMs: number): AllocationTarget => {
  if (period === undefined) return series.at(instantMs).target;
  const target = series.targetIn(period);
  if (target !== undefined) return target;
  const { reset } = series.config;
  const rule =
    reset === 'never'
      ? 'This prefix has no periods: leave it out'
      : `With the reset ${reset} a period is written as ${PERIOD_EXAMPLES[reset]}`;
  throw new ValidationError([{ path: 'period', message: rule }]);
};

/** @returns undefined when the reset of the series has no period of that name now. */
export const targetOfSequence = (series: Series, { period }: SequenceId): AllocationTarget | undefined => {
  if (series.config.strategy !== 'counter') return undefined;
  return series.config.reset === 'never' && period === '' ? series.at(0).target : series.targetIn(period);
};
