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
  readonly base: bigint;
  /** What the stored account is dated by. */
  readonly account: { readonly value: bigint; readonly changes: number } | undefined;
}

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
  return { epoch: 1n, server, ceiling: above(base, window), base, account: { value: base, changes: 0 }, origin };
};

const grant = (entry: CeilingEntry, jumpTo: bigint | undefined): RecoveryDecision => {
  const { epoch, ceiling, base, origin } = entry;
  return { kind: 'granted', entry, outcome: { kind: 'granted', epoch, ceiling, base, jumpTo, origin } };
};

/** @param missing the registered nodes that have not reported; read after `entry` was locked. */
export const decideRecovery = (
  entry: CeilingEntry | undefined,
  request: RecoveryRequest,
  missing: readonly string[],
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
  const exact = missing.length === 0 && allSworn;
  const mayJump = missing.length > 0 ? request.mayJump : (request.mayJumpUnsworn ?? request.mayJump);
  if (!exact && !mayJump) return { kind: 'refused', outcome: { kind: 'waiting', missing } };
  const { server, highest, window } = request;
  // A granted jump stays in force, even if the node it was granted to dies before it jumps.
  const base = exact ? entry.base : entry.ceiling;
  const ceiling = max(entry.ceiling, above(max(highest, base), window));
  return grant({ ...entry, epoch: entry.epoch + 1n, server, ceiling, base }, exact ? undefined : entry.ceiling);
};
