/** What a run leaves behind: requests, nemeses, absences and the final state; all that the verdict looks at. */
import type { RequestRecord } from '../../support/history.ts';
import type { HeldRange } from '../stored-sequence.ts';

export const BACKENDS = ['redis', 'replicas', 'postgres'] as const;
export const BUILDS = ['ours', 'naive'] as const;
export type BackendName = (typeof BACKENDS)[number];
export type BuildName = (typeof BUILDS)[number];

export interface Prefix {
  readonly prefixKey: string;
  /** The value before the first. */
  readonly initialSeq: number;
  readonly reset: 'never' | 'monthly';
}

/** Times everywhere are ms of `performance.now()`; `originMs` is when that was 0, ms since 1970. */
export interface RunFacts {
  readonly backend: BackendName;
  readonly build: BuildName;
  readonly seed: number;
  readonly minutes: number;
  readonly nemeses: readonly string[];
  readonly originMs: number;
  readonly prefixes: readonly Prefix[];
  /** How long a reply may take, ms, besides the time its node was absent. */
  readonly boundMs: number;
}

/** One run of a nemesis: from its beginning until every node replies from Redis again. */
export interface NemesisWindow {
  readonly name: string;
  readonly fromMs: number;
  /** When the repair was done. */
  readonly healedMs: number;
  readonly toMs: number;
  readonly did: string;
  /** Why it did not do what it should have done. */
  readonly idle?: string;
  /** From the repair until every node replied from Redis for every prefix; undefined: it did not. */
  readonly recoveryMs?: number;
}

export interface Absence {
  readonly label: string;
  readonly kind: 'killed' | 'stopped' | 'paused';
  readonly fromMs: number;
  readonly toMs: number;
}

/** When values given back were waiting in a sequence to be handed out: those are lower than what came before. */
export interface GivenBack {
  readonly sequence: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface StoredGap extends HeldRange {
  readonly reason: string;
  readonly atMs: number;
}

/** A sequence as Redis holds it when all nodes have left in good order. */
export interface FinalSequence {
  readonly sequence: string;
  readonly prefixKey: string;
  readonly initialSeq: number;
  readonly counter: number;
  readonly ahead: readonly HeldRange[];
  readonly free: readonly HeldRange[];
  readonly lastRanges: readonly HeldRange[];
  /** As the service lists them. */
  readonly gaps: readonly StoredGap[];
  /** The fields of the state but those of single nodes, for the reader of a failure. */
  readonly raw: Readonly<Record<string, string>>;
}

/** Something the harness saw besides the requests, such as a node that did not come back. */
export interface Remark {
  readonly atMs: number;
  /** A finding makes the run fail; a note does not. */
  readonly kind: 'finding' | 'note';
  readonly text: string;
}

export interface RunHistory {
  readonly facts: RunFacts;
  /** In the order of their beginnings. */
  readonly requests: readonly RequestRecord[];
  readonly windows: readonly NemesisWindow[];
  readonly absences: readonly Absence[];
  readonly givenBack: readonly GivenBack[];
  readonly sequences: readonly FinalSequence[];
  readonly remarks: readonly Remark[];
}

/** A prefix without a reset has one sequence, named like it; with one, a sequence per period: `M:2026-11`. */
export const sequenceName = (prefixKey: string, period: string): string =>
  period === '' ? prefixKey : `${prefixKey}:${period}`;

const NUMBER = /^([A-Z]+)-(?:(\d{4}-\d{2})-)?(\d+)$/;

/** @returns undefined when it is none of the numbers that the harness's prefixes make. */
export const parseNumber = (number: string): { sequence: string; value: number } | undefined => {
  const [, prefixKey, period = '', digits] = NUMBER.exec(number) ?? [];
  if (prefixKey === undefined) return undefined;
  return { sequence: sequenceName(prefixKey, period), value: Number(digits) };
};
