/** A prefix config, complete and checked, and what a store holds for a prefix. */

import { SNOWFLAKE_MIN } from '../snowflake/snowflake.ts';
import type { Reset } from '../template/period.ts';
import { VALUE_MAX } from '../values/value.ts';
import type { Numbering, Strategy } from './numbering.ts';

/** What a prefix key looks like; it can stand in a URL path, a Redis key and a scope as it is. */
export const PREFIX_KEY = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/;

/** Settings of one series, checked and complete. */
export interface PrefixConfig {
  readonly prefixKey: string;
  readonly format: string;
  readonly seqLength: number;
  readonly initialSeq: bigint;
  readonly strategy: Strategy;
  readonly reset: Reset;
  readonly timeZone: string;
  readonly fiscalYearStart: string;
  readonly overflow: 'extend' | 'reject';
  /** What serves while the store is away: the standby; the standby, then temporary numbers; nothing. */
  readonly outage: 'standby' | 'temporary' | 'reject';
  /** Whether documents of earlier periods can still get numbers, until such a period is closed. */
  readonly allowPast: boolean;
  /** Whether another prefix may print the same numbers, because the caller insisted. Absent if not. */
  readonly allowCollision?: true | undefined;
  /** 1 at registration, one more with every change. */
  readonly version: number;
  /** Former collision rules of the prefix: no number of theirs may be printed again. */
  readonly former?: readonly Numbering[] | undefined;
  /** Fields that a later version has stored, under their stored names: kept as they are, for a node of that version. */
  readonly unknown?: Readonly<Record<string, unknown>> | undefined;
}

/** A prefix config as a client gives it: no key, no version. */
export type PrefixConfigInput = Omit<PrefixConfig, 'prefixKey' | 'version' | 'former' | 'unknown'>;

/** The strategies that have no counter: their values come from the clock of a node. */
const CLOCKED: ReadonlySet<Strategy> = new Set<Strategy>(['snowflake', 'uuidv7']);

/** Whether the series has a counter, and so a current value, periods and an end. */
export const hasCounter = ({ strategy }: Pick<PrefixConfig, 'strategy'>): boolean => !CLOCKED.has(strategy);

/** The highest value the series may reach, by its `overflow`. */
export const limitOf = (config: Pick<PrefixConfig, 'overflow' | 'seqLength' | 'former'>): bigint => {
  const hadSnowflakes = config.former?.some(({ strategy }) => strategy === 'snowflake');
  const highest = hadSnowflakes ? SNOWFLAKE_MIN - 1n : VALUE_MAX;
  if (config.overflow === 'extend') return highest;
  const widest = 10n ** BigInt(config.seqLength) - 1n;
  return widest < highest ? widest : highest;
};

/** What a store holds for a prefix: a config, or the reason why the entry cannot be read. */
export type StoredConfig =
  | { readonly kind: 'config'; readonly config: PrefixConfig }
  /** `version` when a later version of the service wrote it, which this one must not write over. */
  | { readonly kind: 'corrupt'; readonly reason: string; readonly version?: number };
