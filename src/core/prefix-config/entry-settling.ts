/** Decides what holds where two stores have different entries of one prefix. */

import { encodeHistory } from './history-codec.ts';
import type { StoredConfig } from './prefix-config.ts';
import { joined, type PrefixEntry, type PrefixHistory, versionOf } from './prefix-history.ts';
import { encodeStoredConfig } from './stored-config.ts';

/**
 * Which of two states of an entry is the later one: above 0 for the first. A removal is later than every version up to
 * the one it removed, although a later registration by a node without histories may have a lower one.
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
  /** The entry in force, also where one of the two stores cannot be changed to it. */
  readonly stored: StoredConfig | undefined;
}

/**
 * What both stores should hold: the config of the later one (at equal versions that of the copy, which was
 * acknowledged), and the histories of both. An unreadable entry replaces nothing, and is replaced by a config only.
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

/** Configs are the same when they are stored the same; of unreadable ones only the version is compared. */
export const isSameStored = (one: StoredConfig | undefined, other: StoredConfig | undefined): boolean =>
  one?.kind === 'config' && other?.kind === 'config'
    ? encodeStoredConfig(one.config) === encodeStoredConfig(other.config)
    : one?.kind === other?.kind && versionOf(one) === versionOf(other);

const historyTextOf = ({ history }: PrefixEntry): string => (history === undefined ? '' : encodeHistory(history));

/** Whether two entries are the same. */
export const isSameEntry = (one: PrefixEntry, other: PrefixEntry): boolean =>
  isSameStored(one.stored, other.stored) && historyTextOf(one) === historyTextOf(other);
