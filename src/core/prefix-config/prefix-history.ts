/** What is kept of a prefix beside its config, for as long as its counter: which version was removed, and how it was numbered before. */
import { isSameNumbering, type Numbering } from './numbering.ts';
import type { NumberingEnd } from './numbering-times.ts';
import type { PrefixConfig, StoredConfig } from './prefix-config.ts';

/** How a prefix was numbered until its config was changed or removed. */
export interface FormerNumbering extends Numbering {
  readonly timeZone: string;
  readonly fiscalYearStart: string;
  readonly overflow: 'extend' | 'reject';
  /** Where its counters stood when it ended; undefined when nobody has written that down. */
  readonly until?: NumberingEnd | undefined;
  /** Fields that a later version has stored: kept as they are. */
  readonly unknown?: Readonly<Record<string, unknown>> | undefined;
}

export interface PrefixHistory {
  /** The version of the config that was removed last; 0 when none was. A later registration goes on above it. */
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

/** Former numberings that are remembered of a prefix. Beyond, those that came again later are forgotten first. */
export const HISTORY_MAX = 1_000;

/** 0: there is none, or none that can be read. */
export const versionOf = (stored: StoredConfig | undefined): number =>
  stored?.kind === 'config' ? stored.config.version : (stored?.version ?? 0);

export const numberingOf = (config: PrefixConfig): FormerNumbering => {
  const { format, strategy, reset, timeZone, fiscalYearStart, overflow } = config;
  return { format, strategy, reset, timeZone, fiscalYearStart, overflow };
};

/** Whether both number in the same way, to the last detail. */
export const isSameFormer = (one: Omit<FormerNumbering, 'unknown'>, other: Omit<FormerNumbering, 'unknown'>): boolean =>
  isSameNumbering(one, other) &&
  one.timeZone === other.timeZone &&
  one.fiscalYearStart === other.fiscalYearStart &&
  one.overflow === other.overflow;

/** Forgets, from the oldest on, those that came again later, until there are few enough. */
export const bounded = (former: readonly FormerNumbering[]): readonly FormerNumbering[] => {
  let excess = former.length - HISTORY_MAX;
  if (excess <= 0) return former;
  return former.filter((one, index) => {
    const isForgotten = excess > 0 && former.some((later, at) => at > index && isSameFormer(one, later));
    if (isForgotten) excess -= 1;
    return !isForgotten;
  });
};

/** What a config says of earlier times. Nodes of before kept no more than this: zones are taken to be the present one, and every value to have been possible. */
const legacyOf = (config: PrefixConfig): readonly FormerNumbering[] =>
  (config.former ?? []).map((former) => ({ ...numberingOf(config), ...former, overflow: 'extend' }));

/** `first` with what only the second knows put before it. */
export const joined = (
  known: readonly FormerNumbering[],
  more: readonly FormerNumbering[],
): readonly FormerNumbering[] => {
  const unknown = more.filter((one) => !known.some((other) => isSameNumbering(one, other)));
  return unknown.length === 0 ? known : [...unknown, ...known];
};

/** All that a prefix was before now, its present config left out. */
export const formerOf = ({ stored, history }: PrefixEntry): readonly FormerNumbering[] => {
  const kept = history?.former ?? [];
  return stored?.kind === 'config' ? joined(kept, legacyOf(stored.config)) : kept;
};

/** All that a prefix ever was, its present config at the end; one that cannot be read was never served. */
export const formerWithPresent = (entry: PrefixEntry): readonly FormerNumbering[] => {
  const former = formerOf(entry);
  return entry.stored?.kind === 'config' ? [...former, numberingOf(entry.stored.config)] : former;
};
