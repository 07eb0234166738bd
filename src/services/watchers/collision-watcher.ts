/**
 * Looks for prefixes that could print the same numbers, and emits a finding: they were registered by hand, or by a
 * version that did not compare them.
 */
import type { Emit, Listen } from '../../core/events/events.ts';
import type { Finding } from '../../core/events/finding.ts';
import type { PrintedPrefixes } from '../prefix-configs/printed-prefixes.ts';
import { every } from './every.ts';

export interface CollisionWatcher {
  /** What was found when it last looked. */
  findings(): readonly Finding[];
  /** Says that a prefix config was changed, so that the next look is worth its while. */
  note(): void;
  /** Notes the changes of prefix configs. */
  readonly listen: Listen;
  /** Looks if anything was changed since, as it does every minute. */
  look(): Promise<void>;
  close(): void;
}

interface Dependencies {
  readonly printed: Pick<PrintedPrefixes, 'readAnew' | 'present' | 'presentKeys' | 'find'>;
  readonly emit: Emit;
}

/** One pair of prefixes with a number that both could print. */
interface Pair {
  readonly one: string;
  readonly other: string;
  readonly text: string;
}

/** After these, prefixes may print alike that did not before. */
const CONFIG_CHANGES: ReadonlySet<string> = new Set([
  'prefix-config-registered',
  'prefix-config-updated',
  'prefix-config-removed',
]);

const LOOK_INTERVAL_MS = 60_000;
/** Pairs in the finding; there may be more. */
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
    'Give one of them another format, best one that begins with {prefix}; or say "allowCollision": true where it is meant. Numbers that are already issued stay as they are.',
  servers: [],
});

export const createCollisionWatcher = ({ printed, emit }: Dependencies): CollisionWatcher => {
  let pairs: readonly Pair[] = [];
  let isChanged = true;

  /** Pairs of which at least one has a config: two removed prefixes print nothing any more. */
  const compareAll = async (): Promise<readonly Pair[]> => {
    const found: Pair[] = [];
    // Somebody insists on those that allow it.
    const isCompared = (prefixKey: string): boolean => printed.present(prefixKey)?.allowsCollision !== true;
    for (const [at, prefixKey] of printed.presentKeys().entries()) {
      if (found.length >= PAIRS_MAX) break;
      if (at % TURN === TURN - 1) await nextTurn();
      const present = printed.present(prefixKey);
      if (present === undefined || present.allowsCollision) continue;
      const meeting = printed.find(present.numbering, isCompared);
      if (meeting?.kind !== 'meets') continue;
      const [one, other] = [prefixKey, meeting.other.prefixKey].sort() as [string, string];
      if (!found.some((pair) => pair.one === one && pair.other === other)) {
        found.push({ one, other, text: meeting.collision.text });
      }
    }
    return found;
  };

  const look = async (): Promise<void> => {
    if (!isChanged) return;
    isChanged = false;
    try {
      await printed.readAnew();
      const found = await compareAll();
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

  const note = (): void => {
    isChanged = true;
  };

  const close = every(LOOK_INTERVAL_MS, () => look().catch(() => undefined));

  return {
    findings: () => (pairs.length === 0 ? [] : [findingOf(pairs)]),
    note,
    listen: ({ event: { type } }) => {
      if (CONFIG_CHANGES.has(type)) note();
    },
    look,
    close,
  };
};
