/**
 * The history of a prefix, kept for as long as its counter: the version that was removed, and former collision rules.
 */
import { isSameNumbering, type Numbering } from './numbering.ts';
import type { NumberingEnd } from './numbering-times.ts';
import type { PrefixConfig, StoredConfig } from './prefix-config.ts';

/** The collision rule of a prefix until its config was changed or removed. */
export interface FormerNumbering extends Numbering {
  readonly timeZone: string;
  readonly fiscalYearStart: string;
  readonly overflow: 'extend' | 'reject';
  /** Where its counters stood when it ended; undefined when that was not recorded. */
  readonly until?: NumberingEnd | undefined;
  /** Fields that a later version has stored: kept as they are. */
  readonly unknown?: Readonly<Record<string, unknown>> | undefined;
}

export interface PrefixHistory {
  /** The version of the config that was removed last; 0 when none was. A later registration gets a higher one. */
  readonly removed: number;
  /** In the order of time; the present config is none of them. */
  readonly former: readonly FormerNumbering[];
  /** Fields that a later version has stored: kept as they are. */
  readonly unknown?: Readonly<Record<string, unknown>> | undefined;
}

/** All that a store keeps of a prefix. A prefix that was removed has a history and no config. */
export interface PrefixEntry {
  readonly stored: StoredConfig | undefined;
  readonly history: PrefixHistory | undefined;
}

export const NO_ENTRY: PrefixEntry = { stored: undefined, history: undefined };

/**
 * Former collision rules that are kept of a prefix. Beyond that, those that were used again later are dropped first.
 */
export const HISTORY_MAX = 1_000;

/** 0: there is none, or none that can be read. */
export const versionOf = (stored: StoredConfig | undefined): number =>
  stored?.kind === 'config' ? stored.config.version : (stored?.version ?? 0);

export const numberingOf = (config: PrefixConfig): FormerNumbering => {
  const { format, strategy, reset, timeZone, fiscalYearStart, overflow } = config;
  return { format, strategy, reset, timeZone, fiscalYearStart, overflow };
};

/** Whether both are the same in every detail. */
export const isSameFormer = (one: Omit<FormerNumbering, 'unknown'>, other: Omit<FormerNumbering, 'unknown'>): boolean =>
  isSameNumbering(one, other) &&
  one.timeZone === other.timeZone &&
  one.fiscalYearStart === other.fiscalYearStart &&
  one.overflow === other.overflow;

/** Drops those that were used again later, the oldest first, until there are few enough. */
export const bounded = (former: readonly FormerNumbering[]): readonly FormerNumbering[] => {
  let excess = former.length - HISTORY_MAX;
  if (excess <= 0) return former;
  return former.filter((one, index) => {
    const isForgotten = excess > 0 && former.some((later, at) => at > index && isSameFormer(one, later));
    if (isForgotten) excess -= 1;
    return !isForgotten;
  });
};

/**
 * The former collision rules in a config, which older versions stored without zone and values: the present zone and all
 * values are assumed.
 */
const legacyOf = (config: PrefixConfig): readonly FormerNumbering[] =>
  (config.former ?? []).map((former) => ({ ...numberingOf(config), ...former, overflow: 'extend' }));

/** `first`, preceded by what only the second contains. */
export const joined = (
  known: readonly FormerNumbering[],
  more: readonly FormerNumbering[],
): readonly FormerNumbering[] => {
  const unknown = more.filter((one) => !known.some((other) => isSameNumbering(one, other)));
  return unknown.length === 0 ? known : [...unknown, ...known];
};

/** All former collision rules of a prefix, without the present one. */
export const formerOf = ({ stored, history }: PrefixEntry): readonly FormerNumbering[] => {
  const kept = history?.former ?? [];
  return stored?.kind === 'config' ? joined(kept, legacyOf(stored.config)) : kept;
};

/** All collision rules of a prefix, the present one last; a config that cannot be read was never served. */
export const formerWithPresent = (entry: PrefixEntry): readonly FormerNumbering[] => {
  const former = formerOf(entry);
  return entry.stored?.kind === 'config' ? [...former, numberingOf(entry.stored.config)] : former;
};
