/** Refuses formats by which another prefix could print the same number, also when both are registered at the same time on two nodes. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Meeting } from '../../core/collision/collision-index.ts';
import { printedBy } from '../../core/collision/format-language.ts';
import type { OtherPrefix } from '../../core/error-params.ts';
import { FormatCollisionError, StorageUnavailableError } from '../../core/errors.ts';
import type { PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import { createTurns } from '../shared/turns.ts';
import type { PrintedPrefixes } from './printed-prefixes.ts';

export interface CollisionCheck {
  /**
   * Writes a config that collides with no other prefix. `write` receives the generation of configs that it was compared
   * with, and writes nothing once there is a later one. Other changes on this node wait meanwhile.
   * @throws FormatCollisionError, which names the other prefix to callers that may read it; StorageUnavailableError
   * when a later generation came at each attempt; the store's errors.
   */
  write<Outcome>(
    config: PrefixConfig,
    mayRead: (prefixKey: string) => boolean,
    write: (generation: string) => Promise<Outcome | 'stale'>,
  ): Promise<Outcome>;
}

interface Dependencies {
  readonly printed: Pick<PrintedPrefixes, 'refresh' | 'find' | 'present'>;
  readonly random: () => number;
}

/** Comparisons after the first, because of what other nodes have changed meanwhile. */
const RECHECKS_MAX = 5;
/** Before each of them a random wait, longer each time, so that nodes do not stay in step. */
const WAIT_MS_MAX = 20;
/** Registrations and changes that wait for one another. */
const WAITING_MAX = 10_000;

export const createCollisionCheck = ({ printed, random }: Dependencies): CollisionCheck => {
  const inTurn = createTurns(WAITING_MAX, 'Too many changes of prefix configs wait.');

  const nameOf = (
    { other }: Exclude<Meeting, { kind: 'many' }>,
    mayRead: (prefixKey: string) => boolean,
  ): OtherPrefix | undefined => {
    const { prefixKey, format } = other;
    if (!mayRead(prefixKey)) return undefined;
    return { prefixKey, format, before: printed.present(prefixKey)?.numbering !== other };
  };

  const refuseToMeet = (config: PrefixConfig, mayRead: (prefixKey: string) => boolean): void => {
    const meeting = printed.find(printedBy(config));
    if (meeting === undefined) return;
    const { prefixKey } = config;
    if (meeting.kind === 'many') throw new FormatCollisionError({ kind: 'too-many', prefixKey });
    const other = nameOf(meeting, mayRead);
    throw new FormatCollisionError(
      meeting.kind === 'meets'
        ? { kind: 'meets', prefixKey, other, text: meeting.collision.text }
        : { kind: 'undecided', prefixKey, other },
    );
  };

  return {
    write: (config, mayRead, write) =>
      inTurn(async () => {
        for (let recheck = 0; recheck <= RECHECKS_MAX; recheck += 1) {
          if (recheck > 0) await delay(random() * WAIT_MS_MAX * recheck);
          const generation = await printed.refresh();
          refuseToMeet(config, mayRead);
          const outcome = await write(generation);
          if (outcome !== 'stale') return outcome;
        }
        throw new StorageUnavailableError('Other nodes keep changing prefix configs; try again.');
      }),
  };
};
