/** How a registration, a replacement and a removal change the entry of a prefix, for all stores. */

import { FORMER_MAX, formerAfter, type Numbering } from './numbering.ts';
import type { NumberingEnd } from './numbering-times.ts';
import type { PrefixConfig } from './prefix-config.ts';
import {
  bounded,
  type FormerNumbering,
  formerWithPresent,
  isSameFormer,
  numberingOf,
  type PrefixEntry,
  type PrefixHistory,
  versionOf,
} from './prefix-history.ts';

/** Marks that earlier periods went on under this config: its successor may have the same collision rule. */
const withPast = (former: readonly FormerNumbering[], { stored }: PrefixEntry): readonly FormerNumbering[] => {
  const last = former.at(-1);
  if (last?.until === undefined || stored?.kind !== 'config' || !stored.config.allowPast) return former;
  return [...former.slice(0, -1), { ...last, until: { ...last.until, past: true } }];
};

/** The former collision rules to keep once the present config is replaced or removed. */
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

/**
 * The latest former rules, stored in the config itself for the limits of its counter and for nodes that know no
 * histories.
 */
const shortFormer = (former: readonly Numbering[], next: Numbering): readonly Numbering[] => {
  const known = former.reduce<readonly Numbering[]>((list, one) => formerAfter({ ...one, former: list }, next), []);
  if (known.length <= FORMER_MAX) return known;
  const latest = known.slice(-FORMER_MAX);
  const snowflake = known.find(({ strategy }) => strategy === 'snowflake');
  const isKnown = snowflake === undefined || latest.some(({ strategy }) => strategy === 'snowflake');
  return isKnown ? latest : [snowflake, ...latest.slice(1)];
};

/** The changed entry; absent when it stays as it is. */
export interface Changed<Outcome> {
  readonly outcome: Outcome;
  readonly entry?: PrefixEntry;
  /** The change applies only while this is still the generation of all configs. */
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

/** The rule of a registration, for all stores. A version that was removed is never used again. */
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
  // Written by a later version of the service: this one might drop fields that it does not know.
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

/** The rule of a removal, for all stores: collision rule and version of the config are kept. */
export const removeEntry = (
  entry: PrefixEntry,
  expectedVersion: number | 'any',
  until?: NumberingEnd,
): Changed<boolean> => {
  const { stored, history } = entry;
  const version = versionOf(stored);
  if (stored === undefined || (expectedVersion !== 'any' && expectedVersion !== version)) return { outcome: false };
  const removed = Math.max(version, history?.removed ?? 0);
  // A config that cannot be read was never served: there is nothing to remember.
  const kept = removed === 0 ? history : { ...history, removed, former: formerBefore(entry, undefined, until) };
  return { outcome: true, entry: { stored: undefined, history: kept } };
};

/** Stores again where the latest former collision rule ended, if it is still the latest. */
export const amendEnd = (entry: PrefixEntry, version: number, until: NumberingEnd): Changed<undefined> => {
  const last = entry.history?.former.at(-1);
  if (entry.history === undefined || last === undefined || versionOf(entry.stored) !== version)
    return { outcome: undefined };
  const former = [...entry.history.former.slice(0, -1), { ...last, until }];
  return { outcome: undefined, entry: { ...entry, history: { ...entry.history, former } } };
};
