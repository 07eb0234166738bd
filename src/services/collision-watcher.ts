/** Looks for prefixes that could print the same numbers, and tells them as a finding: registered before that was looked at, or by hand. */
import { type CollisionIndex, createCollisionIndex } from '../core/collision-index.ts';
import type { Emit } from '../core/events.ts';
import type { Finding } from '../core/finding.ts';
import { type PrintedNumbering, printedBefore, printedBy } from '../core/format-language.ts';
import type { PrefixConfigStore } from '../core/prefix-config-store.ts';
import { formerWithPresent } from '../core/prefix-history.ts';
import { lookEvery } from './look-every.ts';

export interface CollisionWatcher {
  /** What was found when it last looked. */
  findings(): readonly Finding[];
  /** Says that a prefix config was changed, so that the next look is worth its while. */
  note(): void;
  /** Looks if anything was changed since, as it does every minute. */
  look(): Promise<void>;
  close(): void;
}

interface Dependencies {
  readonly store: Pick<PrefixConfigStore, 'find' | 'histories' | 'keys'>;
  readonly emit: Emit;
}

/** One pair of prefixes with a number that both could print. */
interface Pair {
  readonly one: string;
  readonly other: string;
  readonly text: string;
}

const LOOK_INTERVAL_MS = 60_000;
/** Prefixes that are looked at; more are not compared. */
const PREFIXES_MAX = 100_000;
const PAGE = 10_000;
const TRIP = 1_000;
/** Pairs that are told; there may be more. */
const PAIRS_MAX = 10;
/** Prefixes compared before requests have their turn again. */
const TURN = 20;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const nameOf = ({ one, other, text }: Pair): string => `${one} and ${other} could both print ${text}`;

const findingOf = (pairs: readonly Pair[]): Finding => ({
  severity: 'warning',
  subject: 'prefix-collisions',
  detail: `${pairs.map(nameOf).join('; ')}${pairs.length < PAIRS_MAX ? '' : '; there may be more'}.`,
  remedy:
    'Give one of them another format, best one that begins with {prefix}. Numbers that are already issued stay as they are.',
  servers: [],
});

export const createCollisionWatcher = ({ store, emit }: Dependencies): CollisionWatcher => {
  let pairs: readonly Pair[] = [];
  let isChanged = true;

  const takeUp = async (index: CollisionIndex, prefixKeys: readonly string[]): Promise<void> => {
    const [stored, histories] = await Promise.all([store.find(prefixKeys), store.histories(prefixKeys)]);
    for (const [at, prefixKey] of prefixKeys.entries()) {
      const entry = stored[at];
      const present = entry?.kind === 'config' ? [printedBy(entry.config)] : [];
      // Its numbers are in use, though the prefix was removed.
      const former = formerWithPresent({ stored: entry, history: histories[at] });
      const before = former.map((one) => printedBefore(prefixKey, one));
      const termsOf = (one: PrintedNumbering): string =>
        [one.format, one.strategy, one.reset, one.timeZone, one.fiscalYearStart].join(' ');
      const [now] = present.map(termsOf);
      index.put(prefixKey, [...present, ...before.filter((one) => termsOf(one) !== now)]);
    }
    await nextTurn();
  };

  const readAll = async (index: CollisionIndex): Promise<readonly string[]> => {
    const all: string[] = [];
    for (let after = ''; all.length < PREFIXES_MAX; ) {
      const page = await store.keys(after, PAGE);
      for (let from = 0; from < page.length; from += TRIP) await takeUp(index, page.slice(from, from + TRIP));
      all.push(...page);
      after = page.at(-1) ?? '';
      if (page.length < PAGE) break;
    }
    return all;
  };

  /** Pairs of which at least one has a config: two removed prefixes print nothing any more. */
  const compareAll = async (index: CollisionIndex, prefixKeys: readonly string[]): Promise<readonly Pair[]> => {
    const found: Pair[] = [];
    for (let from = 0; from < prefixKeys.length && found.length < PAIRS_MAX; from += TURN) {
      const some = prefixKeys.slice(from, from + TURN);
      const stored = await store.find(some);
      for (const entry of stored) {
        const meeting = entry?.kind === 'config' ? index.find(printedBy(entry.config)) : undefined;
        if (entry?.kind !== 'config' || meeting?.kind !== 'meets' || found.length >= PAIRS_MAX) continue;
        const [one, other] = [entry.config.prefixKey, meeting.other.prefixKey].sort() as [string, string];
        if (!found.some((pair) => pair.one === one && pair.other === other)) {
          found.push({ one, other, text: meeting.collision.text });
        }
      }
      await nextTurn();
    }
    return found;
  };

  const look = async (): Promise<void> => {
    if (!isChanged) return;
    isChanged = false;
    try {
      const index = createCollisionIndex();
      const found = await compareAll(index, await readAll(index));
      const known = new Set(pairs.map(nameOf));
      if (found.some((pair) => !known.has(nameOf(pair)))) {
        emit({ type: 'prefix-collisions-found', detail: findingOf(found).detail });
      }
      pairs = found;
    } catch (error) {
      // The store is away: the next look makes up for it.
      isChanged = true;
      throw error;
    }
  };

  const close = lookEvery(LOOK_INTERVAL_MS, () => look().catch(() => undefined));

  return {
    findings: () => (pairs.length === 0 ? [] : [findingOf(pairs)]),
    note: () => {
      isChanged = true;
    },
    look,
    close,
  };
};
