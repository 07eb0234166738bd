/** Which strategies this process serves, and by whom. */
import type { Allocator } from '../../allocators/allocator.ts';
import { StorageUnavailableError } from '../../core/errors.ts';
import type { Strategy } from '../../core/prefix-config/numbering.ts';

/** The allocator of a strategy; or why this process cannot serve it, as a sentence for the client. */
export type Serving =
  | { readonly allocator: Allocator; readonly refusal?: undefined }
  | { readonly allocator?: undefined; readonly refusal: string };

export type Strategies = Readonly<Record<Strategy, Serving>>;

/**
 * @throws StorageUnavailableError for a prefix that another process, which serves the strategy, has registered. Registering
 * one here is refused.
 */
export const allocatorOf = (strategies: Strategies, strategy: Strategy): Allocator => {
  const { allocator, refusal } = strategies[strategy];
  if (allocator === undefined) throw new StorageUnavailableError(refusal);
  return allocator;
};
