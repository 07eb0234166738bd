/** Registering, reading, changing and removing prefix configs. */

import type { Clock } from '../core/clock.ts';
import type { CounterStore } from '../core/counter-store.ts';
import {
  CorruptEntryError,
  PrefixAlreadyExistsError,
  PrefixNotRegisteredError,
  ValidationError,
  VersionConflictError,
} from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { LedgerStore } from '../core/ledger-store.ts';
import type { NumberingEnd } from '../core/numbering-times.ts';
import type { PrefixConfig, PrefixConfigInput, StoredConfig } from '../core/prefix-config.ts';
import type { PrefixConfigStore } from '../core/prefix-config-store.ts';
import { amendEnd, formerWithPresent, type PrefixEntry, versionOf } from '../core/prefix-history.ts';
import { parseTemplate } from '../core/template.ts';
import { createChangeCheck } from './change-check.ts';
import { createNumberingMarks, joinMarks } from './numbering-marks.ts';
import { type Page, readPage } from './page.ts';
import { createRepetitionCheck } from './repetition-check.ts';
import type { SeriesCache } from './series-cache.ts';
import type { Strategies } from './strategies.ts';

export interface PrefixConfigService {
  /** @throws PrefixAlreadyExistsError, InvalidFormatError, InvalidLengthError, or the store's errors. */
  register(prefixKey: string, input: PrefixConfigInput): Promise<PrefixConfig>;
  /** @throws PrefixNotRegisteredError, VersionConflictError, InvalidFormatError, InvalidLengthError, or the store's errors. */
  update(prefixKey: string, input: PrefixConfigInput, expectedVersion: number | 'any'): Promise<PrefixConfig>;
  /** @throws PrefixNotRegisteredError, CorruptEntryError, or the store's errors. */
  read(prefixKey: string): Promise<PrefixConfig>;
  /** One page in the order of the keys. Entries that cannot be read, or that `visible` does not accept, are left out. */
  list(after: string, limit: number, visible: (prefixKey: string) => boolean): Promise<Page<PrefixConfig>>;
  /**
   * Counter and history stay, so that a later registration goes on counting and repeats nothing.
   * @throws PrefixNotRegisteredError, VersionConflictError, or the store's errors.
   */
  remove(prefixKey: string, expectedVersion?: number | 'any'): Promise<void>;
}

/** Enough for any honest race: each lost attempt means that somebody else's change went through. */
const ATTEMPTS_MAX = 10;

interface Dependencies {
  readonly store: PrefixConfigStore;
  readonly counters: Pick<CounterStore, 'inspect'>;
  readonly ledger?: Pick<LedgerStore, 'inspect'> | undefined;
  readonly strategies: Strategies;
  readonly clock: Clock;
  readonly seriesCache: SeriesCache;
  readonly emit: Emit;
}

export const createPrefixConfigService = ({
  store,
  counters,
  ledger,
  strategies,
  seriesCache,
  clock,
  emit,
}: Dependencies): PrefixConfigService => {
  const refuseToRepeat = createRepetitionCheck({ counters, ledger, clock });
  const markEnd = createNumberingMarks(counters, clock);
  const checkChange = createChangeCheck({ counters, ledger, clock });

  /** What the schema cannot see. */
  const check = async (prefixKey: string, input: PrefixConfigInput): Promise<void> => {
    parseTemplate(input.format);
    const { refusal } = strategies[input.strategy];
    if (refusal !== undefined) throw new ValidationError([{ path: 'strategy', message: refusal }]);
    await refuseToRepeat(prefixKey, input);
  };

  const entryOf = async (prefixKey: string): Promise<PrefixEntry> => {
    const [stored] = await store.find([prefixKey]);
    // In this order: a history that is newer than the config knows no less.
    const [history] = await store.histories([prefixKey]);
    return { stored, history };
  };

  /** @returns false when somebody else's change went through meanwhile. */
  const registerOnce = async (prefixKey: string, input: PrefixConfigInput): Promise<PrefixConfig | undefined> => {
    const entry = await entryOf(prefixKey);
    if (entry.stored !== undefined) throw new PrefixAlreadyExistsError(prefixKey);
    // Its numbers are in use, though it was removed.
    await checkChange(prefixKey, formerWithPresent(entry), input);
    const config = { prefixKey, ...input, version: (entry.history?.removed ?? 0) + 1 };
    return (await store.insert(config)) ? config : undefined;
  };

  const endOf = async (stored: StoredConfig): Promise<NumberingEnd | undefined> =>
    stored.kind === 'config' ? markEnd(stored.config) : undefined;

  /** What was taken while the config was written may have been printed either way. */
  const amend = async (stored: StoredConfig, config: PrefixConfig, before: NumberingEnd | undefined): Promise<void> => {
    const after = before && (await endOf(stored));
    if (before === undefined || after === undefined) return;
    const joined = joinMarks(before, after);
    if (joined.marks.every((mark) => before.marks.includes(mark))) return;
    // Best effort: the change itself is made.
    await store.change(config.prefixKey, (entry) => amendEnd(entry, config.version, joined)).catch(() => undefined);
  };

  const readable = (prefixKey: string, stored: StoredConfig): PrefixConfig => {
    if (stored.kind === 'config') return stored.config;
    emit({ type: 'prefix-config-corrupt', prefixKey, reason: stored.reason });
    throw new CorruptEntryError(prefixKey, stored.reason);
  };

  return {
    register: async (prefixKey, input) => {
      await check(prefixKey, input);
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
        const config = await registerOnce(prefixKey, input);
        if (config === undefined) continue;
        seriesCache.forget(prefixKey);
        emit({ type: 'prefix-config-registered', config });
        return config;
      }
      throw new PrefixAlreadyExistsError(prefixKey);
    },

    update: async (prefixKey, input, expectedVersion) => {
      await check(prefixKey, input);
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
        const entry = await entryOf(prefixKey);
        if (entry.stored === undefined) throw new PrefixNotRegisteredError(prefixKey);
        // Only a later version can read it, and knows what would be lost.
        if (entry.stored.kind === 'corrupt' && entry.stored.version !== undefined) readable(prefixKey, entry.stored);
        // What was compared is what is replaced: its version says so.
        const version = versionOf(entry.stored);
        if (expectedVersion !== 'any' && expectedVersion !== version) break;
        await checkChange(prefixKey, formerWithPresent(entry), input);
        const before = await endOf(entry.stored);
        const outcome = await store.replace({ prefixKey, ...input, version: 1 }, version, before);
        if (outcome.kind === 'missing') throw new PrefixNotRegisteredError(prefixKey);
        if (outcome.kind === 'conflict') continue;
        seriesCache.note(outcome.config);
        await amend(entry.stored, outcome.config, before);
        emit({ type: 'prefix-config-updated', config: outcome.config });
        return outcome.config;
      }
      throw new VersionConflictError(prefixKey);
    },

    read: async (prefixKey) => {
      const [stored] = await store.find([prefixKey]);
      if (stored === undefined) throw new PrefixNotRegisteredError(prefixKey);
      return readable(prefixKey, stored);
    },

    list: (after, limit, visible) =>
      readPage(
        store.list,
        ({ prefixKey }) => prefixKey,
        ({ prefixKey, stored }) => {
          if (stored.kind === 'config') return visible(prefixKey) ? stored.config : undefined;
          emit({ type: 'prefix-config-corrupt', prefixKey, reason: stored.reason });
          return undefined;
        },
        { after, limit },
      ),

    remove: async (prefixKey, expectedVersion = 'any') => {
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
        const [stored] = await store.find([prefixKey]);
        if (stored === undefined) throw new PrefixNotRegisteredError(prefixKey);
        const version = versionOf(stored);
        if (expectedVersion !== 'any' && version !== expectedVersion) break;
        if (!(await store.remove(prefixKey, version, await endOf(stored)))) continue;
        seriesCache.drop(prefixKey);
        emit({ type: 'prefix-config-removed', prefixKey });
        return;
      }
      throw new VersionConflictError(prefixKey);
    },
  };
};
