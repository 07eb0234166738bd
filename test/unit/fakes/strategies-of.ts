/** The strategies of a process as small tests need them: one allocator for all, or refusals. */
import type { Allocator } from '../../../src/allocators/allocator.ts';
import { STRATEGIES, type Strategy } from '../../../src/core/prefix-config/numbering.ts';
import type { Serving, Strategies } from '../../../src/services/numbers/strategies.ts';

const nobody: Allocator = {
  source: 'memory',
  allocate: () => {
    throw new Error('Nothing is allocated here.');
  },
};

/** @param served who allocates for each; what is left out is served by `otherwise`. */
export const strategiesOf = (
  served: Partial<Record<Strategy, Serving>> = {},
  otherwise: Serving = { allocator: nobody },
): Strategies =>
  Object.fromEntries(STRATEGIES.map((strategy) => [strategy, served[strategy] ?? otherwise])) as Record<
    Strategy,
    Serving
  >;
