/** Daily allowances of clients: a number of them at once, then one by one as time passes. */

import { putBounded } from '../bounded-map.ts';
import type { AllowanceStore } from './allowance-store.ts';

export const ALLOWANCE_PERIOD_MS = 86_400_000;

/**
 * Clients remembered; beyond that, the one that has been silent longest is forgotten. Each is kept only until its
 * allowance is full again.
 */
const CLIENTS_MAX = 100_000;
/** Entries checked with each spending: more than one, so that their number falls. */
const SWEPT = 2;

export interface Allowances extends AllowanceStore {
  spend(name: string, max: number, nowMs: number): number;
}

/** Those of this process. In Redis `lua/parts/allowance.lua` does the same for all nodes. */
export const createAllowances = (): Allowances => {
  /** When the allowance of a name is full again, ms; the one that was used last comes last. */
  const wholeAt = new Map<string, number>();

  const sweep = (nowMs: number): void => {
    let looked = 0;
    for (const [name, atMs] of wholeAt) {
      if (atMs <= nowMs) wholeAt.delete(name);
      looked += 1;
      if (looked === SWEPT) return;
    }
  };

  return {
    spend: (name, max, nowMs) => {
      sweep(nowMs);
      const kept = wholeAt.get(name) ?? nowMs;
      // More than a day ahead means that the clock was set back since: what was spent is unknown.
      const known = kept > nowMs + ALLOWANCE_PERIOD_MS ? nowMs : kept;
      const next = Math.max(known, nowMs) + ALLOWANCE_PERIOD_MS / max;
      const waitMs = next - nowMs - ALLOWANCE_PERIOD_MS;
      // Sums of fractions are not exact: a thousandth of a millisecond is no reason to wait.
      if (waitMs > 1e-3) return waitMs;
      putBounded(wholeAt, name, next, CLIENTS_MAX);
      return 0;
    },
  };
};
