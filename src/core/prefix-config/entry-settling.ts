/** What holds where two stores keep different entries of one prefix. */

import { encodeHistory } from './history-codec.ts';
import type { StoredConfig } from './prefix-config.ts';
import { joined, type PrefixEntry, type PrefixHistory, versionOf } from './prefix-history.ts';
import { encodeStoredConfig } from './stored-config.ts';

/**
 * Which of two states of an entry is the later one: above 0 for the first. A removal is later than all up to the version that it
 * removed, though what was registered since may have a lower one (by a node that knows no histories).
 */
export const compareEntries = (one: PrefixEntry, other: PrefixEntry): number =>
  (one.history?.removed ?? 0) - (other.history?.removed ?? 0) || versionOf(one.stored) - versionOf(other.stored);

const joinHistories = (winner: PrefixEntry, loser: PrefixEntry): PrefixHistory | undefined => {
  if (winner.history === undefined || loser.history === undefined) return winner.history ?? loser.history;
  return {
    ...winner.history,
    removed: Math.max(winner.history.removed, loser.history.removed),
    former: joined(winner.history.former, loser.history.former),
  };
};

export interface SettledEntry {
  readonly inLive: PrefixEntry;
  readonly kept: PrefixEntry;
  /** What holds, also where one of the two cannot be put so. */
  readonly stored: StoredConfig | undefined;
}

/**
 * What both shall be: the config of the later one, at the same version that of the copy, which is what was acknowledged; and the
 * histories of both. What cannot be read takes no other's place, and gives way to a config only.
 */
export const settleEntries = (inLive: PrefixEntry, kept: PrefixEntry): SettledEntry => {
  const isLiveLater = compareEntries(inLive, kept) > 0;
  const [winner, loser] = isLiveLater ? [inLive, kept] : [kept, inLive];
  const history = joinHistories(winner, loser);
  const { stored } = winner;
  const place = (own: PrefixEntry): PrefixEntry => {
    if (stored?.kind === 'config') return { stored, history };
    return { stored: stored !== undefined || own.stored?.kind === 'corrupt' ? own.stored : undefined, history };
  };
  const [live, copy] = [place(inLive), place(kept)];
  return { inLive: live, kept: copy, stored: stored ?? live.stored ?? copy.stored };
};

/** A config is the same when it is stored the same; of what cannot be read only the version is compared. */
export const isSameStored = (one: StoredConfig | undefined, other: StoredConfig | undefined): boolean =>
  one?.kind === 'config' && other?.kind === 'config'
    ? encodeStoredConfig(one.config) === encodeStoredConfig(other.config)
    : one?.kind === other?.kind && versionOf(one) === versionOf(other);

const historyTextOf = ({ history }: PrefixEntry): string => (history === undefined ? '' : encodeHistory(history));

/** Whether two entries say the same. */
export const isSameEntry = (one: PrefixEntry, other: PrefixEntry): boolean =>
  isSameStored(one.stored, other.stored) && historyTextOf(one) === historyTextOf(other);
