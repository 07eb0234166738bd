/** What a caller may have of something in one prefix. */
import { hash } from 'node:crypto';
import type { Caller, CallerShare } from '../../core/caller.ts';

export interface CallerShareLimits {
  /** Of a caller who showed a token or an API key. */
  readonly knownMax: number;
  /** Of one who showed neither. */
  readonly openMax: number;
}

/** @returns undefined for a request of nobody. */
export type CallerShareOf = (prefixKey: string, caller: Caller | undefined) => CallerShare | undefined;

const NAME_LENGTH = 32;

export const createCallerShare =
  ({ knownMax, openMax }: CallerShareLimits): CallerShareOf =>
  (prefixKey, caller) =>
    caller && {
      // Hashed: names of people and addresses have no place in stores.
      name: hash('sha256', `${prefixKey} ${caller.client}`).slice(0, NAME_LENGTH),
      max: caller.subject === undefined ? openMax : knownMax,
    };
