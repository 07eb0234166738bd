/** The steps of writing a prefix config, each of which another node may forestall. */
import type { Clock } from '../../core/clock.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import { PrefixAlreadyExistsError } from '../../core/errors.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import { amendEnd, type ReplaceOutcome } from '../../core/prefix-config/entry-changes.ts';
import type { NumberingEnd } from '../../core/prefix-config/numbering-times.ts';
import type { PrefixConfig, PrefixConfigInput, StoredConfig } from '../../core/prefix-config/prefix-config.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import {
  formerWithPresent,
  isSameFormer,
  type PrefixEntry,
  versionOf,
} from '../../core/prefix-config/prefix-history.ts';
import { type SeriesId, seriesKeyOf } from '../../core/values/sequence-id.ts';
import { createChangeCheck } from './change-check.ts';
import type { CollisionCheck } from './collision-check.ts';
import { createNumberingMarks, joinMarks } from './numbering-marks.ts';

/** Which other prefixes may be named to a caller. */
export type MayRead = (prefixKey: string) => boolean;

interface Replacement {
  readonly id: SeriesId;
  readonly input: PrefixConfigInput;
  /** What was compared, and is to be replaced. */
  readonly stored: StoredConfig;
  /** Where its counters stand. */
  readonly before: NumberingEnd | undefined;
  readonly mayRead: MayRead;
}

/** Whether a change adds no number to those that were compared before: earlier collisions are already a finding. */
const printsNoMore = (stored: StoredConfig, next: PrefixConfig): boolean => {
  if (stored.kind !== 'config') return false;
  const { config: now } = stored;
  return (
    !now.allowCollision &&
    isSameFormer(now, next) &&
    next.initialSeq >= now.initialSeq &&
    (now.allowPast || !next.allowPast)
  );
};

export interface PrefixConfigWriter {
  entryOf(id: SeriesId): Promise<PrefixEntry>;
  /** @throws what a change is refused with: see `createChangeCheck`. */
  readonly checkChange: ReturnType<typeof createChangeCheck>;
  /**
   * @param spend is called before anything is written for a prefix that has left nothing behind.
   * @returns undefined when another change went through meanwhile.
   */
  registerOnce(
    id: SeriesId,
    input: PrefixConfigInput,
    mayRead: MayRead,
    spend: () => Promise<void>,
  ): Promise<PrefixConfig | undefined>;
  replaceOnce(replacement: Replacement): Promise<ReplaceOutcome>;
  /** @param next what takes its place: when that is numbered the same, nothing ends. */
  endOf(stored: StoredConfig, next?: PrefixConfigInput): Promise<NumberingEnd | undefined>;
  /** What was taken while the config was written may have been printed either way. */
  amend(stored: StoredConfig, config: PrefixConfig, before: NumberingEnd | undefined): Promise<void>;
}

interface Dependencies {
  readonly store: PrefixConfigStore;
  readonly counters: Pick<CounterStore, 'inspect' | 'listPeriods' | 'listGaps'>;
  readonly ledger: Pick<LedgerStore, 'inspect' | 'listPeriods'> | undefined;
  readonly collisions: CollisionCheck;
  readonly clock: Clock;
}

export const createPrefixConfigWriter = (dependencies: Dependencies): PrefixConfigWriter => {
  const { store, counters, ledger, collisions, clock } = dependencies;
  const markEnd = createNumberingMarks(counters, clock);
  const checkChange = createChangeCheck({ counters, ledger, clock });

  const entryOf = async (id: SeriesId): Promise<PrefixEntry> => {
    const [stored] = await store.find([seriesKeyOf(id)]);
    // In this order: a history that is newer than the config knows no less.
    const [history] = await store.histories([seriesKeyOf(id)]);
    return { stored, history };
  };

  const registerOnce = async (
    id: SeriesId,
    input: PrefixConfigInput,
    mayRead: MayRead,
    spend: () => Promise<void>,
  ): Promise<PrefixConfig | undefined> => {
    const entry = await entryOf(id);
    if (entry.stored !== undefined) throw new PrefixAlreadyExistsError(id.prefixKey);
    // A removed config has left its records already.
    if (entry.history === undefined) await spend();
    // Its numbers are in use, though it was removed.
    await checkChange(id, formerWithPresent(entry), input);
    const config = { prefixKey: id.prefixKey, ...input, version: (entry.history?.removed ?? 0) + 1 };
    const isDone = input.allowCollision
      ? await store.insert(config)
      : await collisions.write(config, mayRead, (generation) => store.insert(config, generation));
    return isDone === true ? config : undefined;
  };

  const replaceOnce = async ({ id, input, stored, before, mayRead }: Replacement): Promise<ReplaceOutcome> => {
    const version = versionOf(stored);
    // The store gives it its version; for the comparison it is one that was changed.
    const config = { prefixKey: id.prefixKey, ...input, version: version + 1 };
    const replace = async (generation?: string): Promise<ReplaceOutcome | 'stale'> => {
      const outcome = await store.replace(config, version, before, generation);
      return outcome.kind === 'stale' ? 'stale' : outcome;
    };
    if (!input.allowCollision && !printsNoMore(stored, config)) return collisions.write(config, mayRead, replace);
    const outcome = await replace();
    // Without a generation nothing is stale.
    return outcome === 'stale' ? { kind: 'conflict' } : outcome;
  };

  const endOf = async (stored: StoredConfig, next?: PrefixConfigInput): Promise<NumberingEnd | undefined> =>
    stored.kind !== 'config' || (next !== undefined && isSameFormer(stored.config, next))
      ? undefined
      : markEnd(stored.config);

  const amend = async (stored: StoredConfig, config: PrefixConfig, before: NumberingEnd | undefined): Promise<void> => {
    const after = before && (await endOf(stored));
    if (before === undefined || after === undefined) return;
    const joined = joinMarks(before, after);
    if (joined.marks.every((mark) => before.marks.includes(mark))) return;
    // Best effort: the change itself is made.
    await store.change(config.prefixKey, (entry) => amendEnd(entry, config.version, joined)).catch(() => undefined);
  };

  return { entryOf, checkChange, registerOnce, replaceOnce, endOf, amend };
};
