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
import type { PrefixConfig, PrefixConfigInput, StoredConfig } from '../core/prefix-config.ts';
import type { PrefixConfigStore } from '../core/prefix-config-store.ts';
import { parseTemplate } from '../core/template.ts';
import { createChangeCheck } from './change-check.ts';
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
  /** The counter stays, so that a later registration goes on counting. @throws PrefixNotRegisteredError, or the store's errors. */
  remove(prefixKey: string): Promise<void>;
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
  const checkChange = createChangeCheck({ counters, ledger, clock });

  /** What the schema cannot see. */
  const check = async (prefixKey: string, input: PrefixConfigInput): Promise<void> => {
    parseTemplate(input.format);
    const { refusal } = strategies[input.strategy];
    if (refusal !== undefined) throw new ValidationError([{ path: 'strategy', message: refusal }]);
    await refuseToRepeat(prefixKey, input);
  };

  const readable = (prefixKey: string, stored: StoredConfig): PrefixConfig => {
    if (stored.kind === 'config') return stored.config;
    emit({ type: 'prefix-config-corrupt', prefixKey, reason: stored.reason });
    throw new CorruptEntryError(prefixKey, stored.reason);
  };

  /** Compares what shall be with all that was. @returns the version of the config that it may replace. */
  const compare = async (prefixKey: string, input: PrefixConfigInput): Promise<number> => {
    const [stored] = await store.find([prefixKey]);
    if (stored === undefined) throw new PrefixNotRegisteredError(prefixKey);
    if (stored.kind === 'corrupt' && stored.version !== undefined) return readable(prefixKey, stored).version;
    // One that cannot be read was never served.
    if (stored.kind === 'corrupt') return 0;
    await checkChange(stored.config, input);
    return stored.config.version;
  };

  return {
    register: async (prefixKey, input) => {
      await check(prefixKey, input);
      const config = { prefixKey, ...input, version: 1 };
      if (!(await store.insert(config))) throw new PrefixAlreadyExistsError(prefixKey);
      seriesCache.forget(prefixKey);
      emit({ type: 'prefix-config-registered', config });
      return config;
    },

    update: async (prefixKey, input, expectedVersion) => {
      await check(prefixKey, input);
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
        // What was compared is what is replaced: its version says so.
        const version = await compare(prefixKey, input);
        if (expectedVersion !== 'any' && expectedVersion !== version) break;
        const outcome = await store.replace({ prefixKey, ...input, version: 1 }, version);
        if (outcome.kind === 'missing') throw new PrefixNotRegisteredError(prefixKey);
        if (outcome.kind === 'conflict') continue;
        seriesCache.forget(prefixKey);
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

    remove: async (prefixKey) => {
      if (!(await store.remove(prefixKey))) throw new PrefixNotRegisteredError(prefixKey);
      seriesCache.forget(prefixKey);
      emit({ type: 'prefix-config-removed', prefixKey });
    },
  };
};
