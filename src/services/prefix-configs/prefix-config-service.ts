/** Registering, reading, changing and removing prefix configs. */

import type { AllowanceStore } from '../../core/allowance/allowance-store.ts';
import type { Caller } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import {
  CorruptEntryError,
  PrefixAlreadyExistsError,
  PrefixNotRegisteredError,
  QuotaExceededError,
  ValidationError,
  VersionConflictError,
} from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import type { PrefixConfig, PrefixConfigInput, StoredConfig } from '../../core/prefix-config/prefix-config.ts';
import { type PrefixConfigPatch, patched, saysAlready } from '../../core/prefix-config/prefix-config-body.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import { formerWithPresent, versionOf } from '../../core/prefix-config/prefix-history.ts';
import { parseTemplate } from '../../core/template/template.ts';
import { type SeriesId, seriesKeyOf } from '../../core/values/sequence-id.ts';
import type { SeriesCache } from '../numbers/series-cache.ts';
import type { Strategies } from '../numbers/strategies.ts';
import type { CallerShareOf } from '../shared/caller-share.ts';
import { type Page, readPage } from '../shared/page.ts';
import type { CollisionCheck } from './collision-check.ts';
import { createPrefixConfigWriter, type MayRead } from './prefix-config-writer.ts';
import { createRestartCheck } from './restart-check.ts';

/** The caller that changes a prefix config, and the reason, if there is one. */
export interface Changer extends Caller {
  readonly reason?: string | undefined;
  /** Which other prefixes an error may name to the caller. Default: all. */
  readonly mayRead?: MayRead;
}

const ALL: MayRead = () => true;
/** Stands where the share of a prefix has its key; no key begins so. */
const REGISTRATION = '*registration';

export interface ConfigChange {
  /** The same as `before` when there was nothing to change. */
  readonly config: PrefixConfig;
  /** Undefined when what was there could not be read. */
  readonly before: PrefixConfig | undefined;
}

export interface PrefixConfigService {
  /**
   * @throws PrefixAlreadyExistsError, FormatCollisionError, InvalidFormatError, InvalidLengthError, QuotaExceededError, or the
   * store's errors.
   */
  register(series: SeriesId, input: PrefixConfigInput, changer: Changer): Promise<PrefixConfig>;
  /** @throws PrefixNotRegisteredError, VersionConflictError, FormatCollisionError, InvalidFormatError, InvalidLengthError, or the store's errors. */
  update(
    series: SeriesId,
    input: PrefixConfigInput,
    expectedVersion: number | 'any',
    changer: Changer,
  ): Promise<ConfigChange>;
  /** Changes what the patch names; writes nothing when it says what is so already. @throws what `update` does, and CorruptEntryError. */
  patch(
    series: SeriesId,
    patch: PrefixConfigPatch,
    expectedVersion: number | 'any',
    changer: Changer,
  ): Promise<ConfigChange>;
  /** @throws PrefixNotRegisteredError, CorruptEntryError, or the store's errors. */
  read(series: SeriesId): Promise<PrefixConfig>;
  /** One page in the order of the keys. Entries that cannot be read, or that `visible` does not accept, are left out. */
  list(after: string, limit: number, visible: (prefixKey: string) => boolean): Promise<Page<PrefixConfig>>;
  /**
   * Counter and history stay, so that a later registration goes on counting and repeats nothing.
   * @throws PrefixNotRegisteredError, VersionConflictError, or the store's errors.
   */
  remove(series: SeriesId, expectedVersion: number | 'any', changer: Changer): Promise<void>;
}

const configOf = (stored: StoredConfig): PrefixConfig | undefined =>
  stored.kind === 'config' ? stored.config : undefined;

/** Enough for any real race: each lost attempt means that another change succeeded. */
const ATTEMPTS_MAX = 10;

interface Dependencies {
  readonly store: PrefixConfigStore;
  readonly counters: Pick<CounterStore, 'inspect' | 'listPeriods' | 'listGaps'>;
  readonly ledger?: Pick<LedgerStore, 'inspect' | 'listPeriods'> | undefined;
  readonly collisions: CollisionCheck;
  readonly strategies: Strategies;
  /** What new prefixes are counted against; undefined: nothing. */
  readonly registrations?: { readonly allowances: AllowanceStore; readonly shareOf: CallerShareOf };
  readonly clock: Clock;
  readonly seriesCache: SeriesCache;
  readonly emit: Emit;
}

export const createPrefixConfigService = ({
  store,
  counters,
  ledger,
  collisions,
  strategies,
  registrations,
  seriesCache,
  clock,
  emit,
}: Dependencies): PrefixConfigService => {
  const refuseToRepeat = createRestartCheck({ counters, ledger, clock });
  const { entryOf, checkChange, registerOnce, replaceOnce, endOf, amend } = createPrefixConfigWriter({
    store,
    counters,
    ledger,
    collisions,
    clock,
  });

  /** What the schema cannot see. */
  const check = async (id: SeriesId, input: PrefixConfigInput): Promise<void> => {
    parseTemplate(input.format);
    const { refusal } = strategies[input.strategy];
    if (refusal !== undefined) throw new ValidationError([{ path: 'strategy', message: refusal }]);
    await refuseToRepeat(id, input);
  };

  /** Before anything is written: what is spent for nothing bounds no less. @throws QuotaExceededError */
  const spendRegistration = async (caller: Caller): Promise<void> => {
    const share = registrations?.shareOf(REGISTRATION, caller);
    if (registrations === undefined || share === undefined) return;
    const waitMs = await registrations.allowances.spend(share.name, share.max, clock.now());
    if (waitMs <= 0) return;
    throw new QuotaExceededError({ kind: 'registrations', max: share.max }, Math.ceil(waitMs / 1_000));
  };

  const readable = (id: SeriesId, stored: StoredConfig): PrefixConfig => {
    if (stored.kind === 'config') return stored.config;
    emit({ type: 'prefix-config-corrupt', prefixKey: id.prefixKey, reason: stored.reason });
    throw new CorruptEntryError(id.prefixKey, stored.reason);
  };

  /** Writes what `inputOf` makes of what is there, as long as nobody changes it meanwhile; undefined: it stays. */
  const change = async (
    id: SeriesId,
    expectedVersion: number | 'any',
    changer: Changer,
    inputOf: (stored: StoredConfig) => Promise<PrefixConfigInput | undefined>,
  ): Promise<ConfigChange> => {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const entry = await entryOf(id);
      const { stored } = entry;
      if (stored === undefined) throw new PrefixNotRegisteredError(id.prefixKey);
      // Only a later version can read it, and knows what would be lost.
      const present = stored.kind === 'corrupt' && stored.version === undefined ? undefined : readable(id, stored);
      // What was compared is what is replaced: its version says so.
      if (expectedVersion !== 'any' && expectedVersion !== versionOf(stored)) break;
      const input = await inputOf(stored);
      if (input === undefined) return { config: readable(id, stored), before: present };
      await checkChange(id, formerWithPresent(entry), input);
      const before = await endOf(stored, input);
      const outcome = await replaceOnce({ id, input, stored, before, mayRead: changer.mayRead ?? ALL });
      if (outcome.kind === 'missing') throw new PrefixNotRegisteredError(id.prefixKey);
      if (outcome.kind === 'conflict') continue;
      seriesCache.note(outcome.config);
      await amend(stored, outcome.config, before);
      const { config } = outcome;
      emit({ type: 'prefix-config-updated', config, before: present, reason: changer.reason }, changer);
      return { config, before: present };
    }
    throw new VersionConflictError(id.prefixKey);
  };

  return {
    register: async (id, input, changer) => {
      await check(id, input);
      let spent: Promise<void> | undefined;
      const spend = (): Promise<void> => {
        spent ??= spendRegistration(changer);
        return spent;
      };
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
        const config = await registerOnce(id, input, changer.mayRead ?? ALL, spend);
        if (config === undefined) continue;
        seriesCache.forget(id);
        emit({ type: 'prefix-config-registered', config, reason: changer.reason }, changer);
        return config;
      }
      throw new PrefixAlreadyExistsError(id.prefixKey);
    },

    update: async (id, input, expectedVersion, changer) => {
      await check(id, input);
      return change(id, expectedVersion, changer, async () => input);
    },

    patch: (id, patch, expectedVersion, changer) =>
      change(id, expectedVersion, changer, async (stored) => {
        const present = readable(id, stored);
        const input = patched(present, patch);
        if (saysAlready(present, input)) return undefined;
        await check(id, input);
        return input;
      }),

    read: async (id) => {
      const [stored] = await store.find([seriesKeyOf(id)]);
      if (stored === undefined) throw new PrefixNotRegisteredError(id.prefixKey);
      return readable(id, stored);
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

    remove: async (id, expectedVersion, changer) => {
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
        const [stored] = await store.find([seriesKeyOf(id)]);
        if (stored === undefined) throw new PrefixNotRegisteredError(id.prefixKey);
        const version = versionOf(stored);
        if (expectedVersion !== 'any' && version !== expectedVersion) break;
        if (!(await store.remove(seriesKeyOf(id), version, await endOf(stored)))) continue;
        seriesCache.drop(id);
        emit(
          { type: 'prefix-config-removed', prefixKey: id.prefixKey, before: configOf(stored), reason: changer.reason },
          changer,
        );
        return;
      }
      throw new VersionConflictError(id.prefixKey);
    },
  };
};
