/** How many idempotency keys a caller may have remembered of one prefix: each costs every store some hundred bytes for a day. */
import { hash } from 'node:crypto';
import type { Caller } from '../core/caller.ts';
import type { KeyAllowance } from '../core/receipt.ts';

export interface KeyAllowanceLimits {
  /** Of a caller who showed a token or an API key. */
  readonly knownMax: number;
  /** Of one who showed neither. */
  readonly openMax: number;
}

/** @returns undefined for a request of nobody. */
export type KeyAllowanceOf = (prefixKey: string, caller: Caller | undefined) => KeyAllowance | undefined;

const NAME_LENGTH = 32;

export const createKeyAllowance =
  ({ knownMax, openMax }: KeyAllowanceLimits): KeyAllowanceOf =>
  (prefixKey, caller) =>
    caller && {
      // Hashed: names of people and addresses have no place in keys.
      name: hash('sha256', `${prefixKey} ${caller.client}`).slice(0, NAME_LENGTH),
      max: caller.subject === undefined ? openMax : knownMax,
    };
