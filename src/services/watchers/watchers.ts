/** All that watches in the background, and what it is asked: begun together, and ended together. */
import type { Standing } from '../../allocators/allocator.ts';
import type { Clock } from '../../core/clock.ts';
import type { Emit, Listen } from '../../core/events/events.ts';
import type { Finding } from '../../core/events/finding.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import type { SeriesCache } from '../numbers/series-cache.ts';
import type { PrintedPrefixes } from '../prefix-configs/printed-prefixes.ts';
import type { SequenceReads } from '../shared/sequence-reads.ts';
import { type CapacityWatcher, createCapacityWatcher } from './capacity-watcher.ts';
import { createClockWatcher } from './clock-watcher.ts';
import { createCollisionWatcher } from './collision-watcher.ts';
import { createGapWatcher } from './gap-watcher.ts';
import { createOpenShareWatcher } from './open-share-watcher.ts';
import { createStandbyWatcher } from './standby-watcher.ts';

export interface Watchers {
  readonly capacity: CapacityWatcher;
  /** What is wrong with the clock of this machine; undefined when nothing is. */
  clockFinding(): Finding | undefined;
  /** Prefixes that could print the same numbers, as of the last look. */
  collisionFindings(): readonly Finding[];
  /** Looks for prefixes that could print the same numbers, as is done every minute once a config was changed. */
  lookForCollisions(): Promise<void>;
  /** Looks what this node holds ready, and how many gaps are recorded. Done every 5 s and every 15 s anyway. */
  lookAtHoldings(): Promise<void>;
  readonly listen: Listen;
  close(): void;
}

interface Dependencies {
  readonly seriesCache: SeriesCache;
  readonly prefixConfigs: Pick<PrefixConfigStore, 'onChange'>;
  readonly printed: PrintedPrefixes;
  readonly reads: SequenceReads;
  /** The sequences in use on this node that a standby can be held of. */
  readonly standings: () => Iterable<Standing>;
  /** All sequences in use on this node. */
  readonly allStandings: () => Iterable<Standing>;
  /** Prefixes with measures of their own; the others share `other`. */
  readonly measuredMax: number;
  /** Whether what callers without a credential take is watched. */
  readonly watchesOpenShares: boolean;
  readonly clock: Clock;
  readonly emit: Emit;
}

export const createWatchers = (dependencies: Dependencies): Watchers => {
  const { seriesCache, prefixConfigs, printed, reads, standings, allStandings, measuredMax, clock, emit } =
    dependencies;
  const clockWatcher = createClockWatcher(clock, emit);
  const capacity = createCapacityWatcher({ seriesCache, standings: allStandings, measuredMax, clock, emit });
  const standbys = createStandbyWatcher({ standings, measuredMax, emit });
  const gaps = createGapWatcher({ store: reads, standings, measuredMax, emit });
  const collisions = createCollisionWatcher({ printed, emit });
  prefixConfigs.onChange(collisions.note);
  const openShares = dependencies.watchesOpenShares ? createOpenShareWatcher({ seriesCache, clock, emit }) : undefined;
  return {
    capacity,
    clockFinding: clockWatcher.finding,
    collisionFindings: collisions.findings,
    lookForCollisions: collisions.look,
    lookAtHoldings: async () => {
      await standbys.look();
      await gaps.look();
    },
    listen: (event) => {
      openShares?.(event);
      collisions.listen(event);
    },
    close: () => {
      for (const { close } of [clockWatcher, capacity, standbys, gaps, collisions]) close();
    },
  };
};
