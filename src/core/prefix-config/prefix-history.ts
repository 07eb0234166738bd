/** What is kept of a prefix beside its config, for as long as its counter: which version was removed, and how it was numbered before. */
import { z } from 'zod';
import { FORMER_MAX, formerAfter, isSameNumbering, type Numbering, numberingSchema } from './numbering.ts';
import { encodeNumberingEnd, type NumberingEnd, numberingEndSchema } from './numbering-times.ts';
import { encodeStoredConfig, type PrefixConfig, type StoredConfig } from './prefix-config.ts';

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

const formerSchema = z
  .looseObject({
    ...numberingSchema.shape,
    time_zone: z.string().default('UTC'),
    fiscal_year_start: z.string().default('01-01'),
    overflow: z.enum(['extend', 'reject']).default('extend'),
    until: numberingEndSchema.optional().catch(undefined),
  })
  .transform(
    ({ format, strategy, reset, time_zone, fiscal_year_start, overflow, until, ...unknown }): FormerNumbering => ({
      ...{ format, strategy, reset, timeZone: time_zone, fiscalYearStart: fiscal_year_start, overflow },
      ...(until && { until }),
      ...(Object.keys(unknown).length > 0 && { unknown }),
    }),
  );

const historySchema = z
  .looseObject({ removed: z.int().min(0).default(0), former: z.array(formerSchema).default([]) })
  .transform(
    ({ removed, former, ...unknown }): PrefixHistory => ({
      removed,
      former,
      ...(Object.keys(unknown).length > 0 && { unknown }),
    }),
  );

/** As JSON with snake_case names; only what differs from the default. */
export const encodeHistory = ({ removed, former, unknown }: PrefixHistory): string =>
  JSON.stringify({
    ...unknown,
    ...(removed > 0 && { removed }),
    former: former.map((one) => ({
      ...one.unknown,
      format: one.format,
      strategy: one.strategy,
      reset: one.reset,
      ...(one.timeZone !== 'UTC' && { time_zone: one.timeZone }),
      ...(one.fiscalYearStart !== '01-01' && { fiscal_year_start: one.fiscalYearStart }),
      ...(one.overflow !== 'extend' && { overflow: one.overflow }),
      ...(one.until && { until: encodeNumberingEnd(one.until) }),
    })),
  });

/** Reads what `encodeHistory` wrote. @returns undefined when there is nothing, or nothing that can be read. */
export const decodeHistory = (json: string | null | undefined): PrefixHistory | undefined => {
  if (json === null || json === undefined || json === '') return undefined;
  try {
    return historySchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
};

const numberingOf = (config: PrefixConfig): FormerNumbering => {
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
const bounded = (former: readonly FormerNumbering[]): readonly FormerNumbering[] => {
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
const joined = (known: readonly FormerNumbering[], more: readonly FormerNumbering[]): readonly FormerNumbering[] => {
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

/** A config under which earlier periods went on leaves a word of it, for it may be replaced by one that is numbered the same. */
const withPast = (former: readonly FormerNumbering[], { stored }: PrefixEntry): readonly FormerNumbering[] => {
  const last = former.at(-1);
  if (last?.until === undefined || stored?.kind !== 'config' || !stored.config.allowPast) return former;
  return [...former.slice(0, -1), { ...last, until: { ...last.until, past: true } }];
};

/** What is to be remembered once the present config is another one, or none. */
const formerBefore = (
  entry: PrefixEntry,
  next: FormerNumbering | undefined,
  until: NumberingEnd | undefined,
): readonly FormerNumbering[] => {
  const all = formerWithPresent(entry);
  const present = entry.stored?.kind === 'config' ? all.at(-1) : undefined;
  return present !== undefined && next !== undefined && isSameFormer(present, next)
    ? withPast(all.slice(0, -1), entry)
    : bounded(present === undefined ? all : [...all.slice(0, -1), { ...present, ...(until && { until }) }]);
};

/** What the config itself says of earlier times, for the limits of its counter and for nodes that know no histories: the latest ones. */
const shortFormer = (former: readonly Numbering[], next: Numbering): readonly Numbering[] => {
  const known = former.reduce<readonly Numbering[]>((list, one) => formerAfter({ ...one, former: list }, next), []);
  if (known.length <= FORMER_MAX) return known;
  const latest = known.slice(-FORMER_MAX);
  const snowflake = known.find(({ strategy }) => strategy === 'snowflake');
  const isKnown = snowflake === undefined || latest.some(({ strategy }) => strategy === 'snowflake');
  return isKnown ? latest : [snowflake, ...latest.slice(1)];
};

/** What becomes of an entry: absent when it stays as it is. */
export interface Changed<Outcome> {
  readonly outcome: Outcome;
  readonly entry?: PrefixEntry;
  /** The entry is kept only while this is still the generation of all configs. */
  readonly generation?: string;
}

const withConfig = (config: PrefixConfig, version: number, history: PrefixHistory | undefined): PrefixEntry => {
  const former = shortFormer(history?.former ?? [], config);
  const { former: _, ...rest } = config;
  return {
    stored: { kind: 'config', config: { ...rest, version, ...(former.length > 0 && { former }) } },
    history,
  };
};

/** The rule of a registration, for all stores. A version that was removed is never given again. */
export const insertEntry = (entry: PrefixEntry, config: PrefixConfig): Changed<boolean> => {
  const { stored, history } = entry;
  if (stored !== undefined || config.version <= (history?.removed ?? 0)) return { outcome: false };
  return {
    outcome: true,
    entry:
      history === undefined
        ? { stored: { kind: 'config', config }, history }
        : withConfig(config, config.version, history),
  };
};

export type ReplaceOutcome =
  | { readonly kind: 'replaced'; readonly config: PrefixConfig }
  | { readonly kind: 'missing' }
  | { readonly kind: 'conflict' };

/** The rule of a replacement, for all stores. An entry that cannot be read has version 0. */
export const replaceEntry = (
  entry: PrefixEntry,
  config: PrefixConfig,
  expectedVersion: number | 'any',
  until?: NumberingEnd,
): Changed<ReplaceOutcome> => {
  const { stored, history } = entry;
  if (stored === undefined) return { outcome: { kind: 'missing' } };
  // A later version of the service wrote it: this one does not know what it would drop.
  if (stored.kind === 'corrupt' && stored.version !== undefined) return { outcome: { kind: 'conflict' } };
  const version = versionOf(stored);
  if (expectedVersion !== 'any' && expectedVersion !== version) return { outcome: { kind: 'conflict' } };
  const removed = history?.removed ?? 0;
  const former = formerBefore(entry, numberingOf(config), until);
  const kept = removed === 0 && former.length === 0 ? history : { ...history, removed, former };
  const unknown = stored.kind === 'config' ? stored.config.unknown : undefined;
  const next = withConfig({ ...config, ...(unknown && { unknown }) }, Math.max(version, removed) + 1, kept);
  if (next.stored?.kind !== 'config') throw new Error('A config that replaces another one is one.');
  return { outcome: { kind: 'replaced', config: next.stored.config }, entry: next };
};

/** The rule of a removal, for all stores: what the config was numbered by stays, and so does its version. */
export const removeEntry = (
  entry: PrefixEntry,
  expectedVersion: number | 'any',
  until?: NumberingEnd,
): Changed<boolean> => {
  const { stored, history } = entry;
  const version = versionOf(stored);
  if (stored === undefined || (expectedVersion !== 'any' && expectedVersion !== version)) return { outcome: false };
  const removed = Math.max(version, history?.removed ?? 0);
  // Of what cannot be read nothing need be remembered: it was never served.
  const kept = removed === 0 ? history : { ...history, removed, former: formerBefore(entry, undefined, until) };
  return { outcome: true, entry: { stored: undefined, history: kept } };
};

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

/** Writes down once more where the latest former numbering ended, if it is still the latest. */
export const amendEnd = (entry: PrefixEntry, version: number, until: NumberingEnd): Changed<undefined> => {
  const last = entry.history?.former.at(-1);
  if (entry.history === undefined || last === undefined || versionOf(entry.stored) !== version)
    return { outcome: undefined };
  const former = [...entry.history.former.slice(0, -1), { ...last, until }];
  return { outcome: undefined, entry: { ...entry, history: { ...entry.history, former } } };
};
