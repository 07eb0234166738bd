/** The rule of one sequence's ceiling, for all ceiling stores: what a raise and a recovery make of what is stored. */

import { VALUE_MAX } from '../values/value.ts';
import type {
  Ceiling,
  CeilingRaise,
  RaiseOutcome,
  RecoveryOutcome,
  RecoveryRequest,
  SequenceAccount,
} from './ceiling-store.ts';

/** What is stored of a sequence, except the gaps of its account. */
export interface CeilingEntry extends Ceiling {
  /** Identity of the counter store's server that counts in this epoch. */
  readonly server: string;
  /** From this epoch on, each one was granted to `server`, though it may not have counted in all of them. */
  readonly grantedSince: bigint;
  readonly base: bigint;
  /**
   * Registered nodes that a recovery went on without, and that have not counted since: what they hold lies at or below
   * `base`, and no later recovery waits for them.
   */
  readonly jumpedWithout: readonly string[];
  /** What the stored account is dated by. */
  readonly account: { readonly value: bigint; readonly changes: number } | undefined;
}

/** A registered node that has not reported. */
export interface MissingNode {
  readonly node: string;
  /** It has renewed its registration in the last `RECENT_MS`. */
  readonly isRecent: boolean;
  /** It reads a sequence by `readMany` before it counts; a node of an earlier release does not. */
  readonly rejoins: boolean;
}

/** A node renews its registration every 20 s: one that has missed two renewals is likely to be gone. */
export const RECENT_MS = 45_000;

export interface RaiseDecision {
  readonly outcome: RaiseOutcome;
  /** What is to be stored; undefined when nothing changes. */
  readonly entry: CeilingEntry | undefined;
  /** Whether the gaps of the raise replace the stored ones. */
  readonly replacesAccount: boolean;
}

/** What a store adds to a granted recovery: the gaps of the stored account. */
export type RecoveryGrant = Omit<Extract<RecoveryOutcome, { kind: 'granted' }>, 'account'>;

export type RecoveryDecision =
  | { readonly kind: 'granted'; readonly outcome: RecoveryGrant; readonly entry: CeilingEntry }
  | { readonly kind: 'refused'; readonly outcome: Exclude<RecoveryOutcome, { kind: 'granted' }> };

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

const above = (value: bigint, window: bigint): bigint => min(value + window, VALUE_MAX);

const currentOf = ({ epoch, ceiling }: Ceiling): Ceiling => ({ epoch, ceiling });

const isNewer = (account: SequenceAccount, stored: CeilingEntry['account']): boolean => {
  if (stored === undefined || account.value > stored.value) return true;
  return account.value === stored.value && account.changes > stored.changes;
};

/** The origin only rises, and only before the first value: an account with a lower one was read earlier. */
const laterOrigin = (stored: bigint | undefined, told: bigint | undefined): bigint | undefined =>
  stored === undefined || told === undefined ? (told ?? stored) : max(stored, told);

export const decideRaise = (entry: CeilingEntry | undefined, raise: CeilingRaise): RaiseDecision => {
  const refused = (outcome: RaiseOutcome): RaiseDecision => ({ outcome, entry: undefined, replacesAccount: false });
  if (entry === undefined) return refused({ kind: 'behind', current: undefined });
  if (entry.epoch > raise.epoch) return refused({ kind: 'superseded', current: currentOf(entry) });
  if (entry.epoch < raise.epoch || entry.ceiling < raise.known) {
    return refused({ kind: 'behind', current: currentOf(entry) });
  }
  const ceiling = max(entry.ceiling, raise.ceiling);
  const { account } = raise;
  const replaces = account !== undefined && isNewer(account, entry.account);
  return {
    outcome: { kind: 'raised', ceiling },
    entry: {
      ...entry,
      ceiling,
      base: max(entry.base, raise.base),
      account: replaces ? { value: account.value, changes: account.changes } : entry.account,
      origin: laterOrigin(entry.origin, account?.origin),
    },
    replacesAccount: replaces,
  };
};

/**
 * The entry of a sequence without ceilings so far: no node needs to report, and it was counted up to `highest` by
 * others. If its start was raised above `highest` meanwhile, it is counted from there.
 */
const firstEntry = ({ server, highest, window, origin }: RecoveryRequest): CeilingEntry => {
  const base = max(highest, origin ?? 0n);
  const account = { value: base, changes: 0 };
  const ceiling = above(base, window);
  return { epoch: 1n, server, grantedSince: 1n, ceiling, base, jumpedWithout: [], account, origin };
};

const grant = (entry: CeilingEntry, jumpTo: bigint | undefined): RecoveryDecision => {
  const { epoch, grantedSince, ceiling, base, origin } = entry;
  return { kind: 'granted', entry, outcome: { kind: 'granted', epoch, grantedSince, ceiling, base, jumpTo, origin } };
};

/** Whether the recovery has waited long enough for those that it still waits for. */
const isLongEnough = (
  { mayJump, mayJumpRecent = mayJump, mayJumpUnsworn = mayJump }: RecoveryRequest,
  awaited: readonly MissingNode[],
): boolean => {
  if (awaited.length === 0) return mayJumpUnsworn;
  return awaited.some(({ isRecent }) => isRecent) ? mayJumpRecent : mayJump;
};

/** The nodes a recovery leaves behind: those registered that have not reported, and that will say so before they count again. */
const listLeftBehind = (
  { jumpedWithout }: CeilingEntry,
  { reported }: RecoveryRequest,
  missing: readonly MissingNode[],
): readonly string[] => {
  const known = jumpedWithout.filter((node) => reported.includes(node) || missing.some((one) => one.node === node));
  return [...new Set([...known, ...missing.filter(({ rejoins }) => rejoins).map(({ node }) => node)])].toSorted();
};

/** @param missing the registered nodes that have not reported; read after `entry` was locked. */
export const decideRecovery = (
  entry: CeilingEntry | undefined,
  request: RecoveryRequest,
  missing: readonly MissingNode[],
): RecoveryDecision => {
  if (entry === undefined) {
    if (request.epoch === 0n && request.servedEpoch === 0n) return grant(firstEntry(request), undefined);
    return { kind: 'refused', outcome: { kind: 'behind', current: undefined } };
  }
  const current = currentOf(entry);
  if (entry.epoch !== request.epoch) return { kind: 'refused', outcome: { kind: 'superseded', current } };
  if (request.servedEpoch > entry.epoch) return { kind: 'refused', outcome: { kind: 'behind', current } };
  // An epoch that was granted to another server may still begin there: a node that reported here without swearing it
  // off can count in it. On the same server, installing one epoch ends the recovery for which the others were granted.
  const { sworn } = request;
  const allSworn = sworn === undefined || sworn > entry.epoch || entry.server === request.server;
  const awaited = missing.filter(({ node }) => !entry.jumpedWithout.includes(node));
  const exact = awaited.length === 0 && allSworn;
  if (!exact && !isLongEnough(request, awaited)) {
    return { kind: 'refused', outcome: { kind: 'waiting', missing: awaited.map(({ node }) => node) } };
  }
  const { server, highest, window } = request;
  // A granted jump stays in force, even if the node it was granted to dies before it jumps.
  const base = exact ? entry.base : entry.ceiling;
  const ceiling = max(entry.ceiling, above(max(highest, base), window));
  const jumpedWithout = listLeftBehind(entry, request, missing);
  const epoch = entry.epoch + 1n;
  const grantedSince = entry.server === server ? entry.grantedSince : epoch;
  const next = { ...entry, epoch, server, grantedSince, ceiling, base, jumpedWithout };
  return grant(next, exact ? undefined : entry.ceiling);
};
