/** An entry of the gap record: values that were not issued, or possibly not issued. */
import type { Range } from './range.ts';

/**
 * `node-crash`: given to a node that has been silent since, or whose reply was lost in a crash of the store; it may
 * have issued some of them. `advance`: passed over by an operator. `recovery-jump`: passed over after the store had
 * lost its last state. `void`: taken back before it was issued.
 */
export const GAP_REASONS = ['node-crash', 'recovery-jump', 'advance', 'void'] as const;
export type GapReason = (typeof GAP_REASONS)[number];

export interface Gap {
  readonly range: Range;
  readonly reason: GapReason;
  /** The node that held the values; undefined when none did. */
  readonly node: string | undefined;
  /** When it was recorded, ms since 1970-01-01T00:00:00Z. */
  readonly recordedAtMs: number;
  /** Why, as the operator wrote it, and the operator's subject; where they are kept. */
  readonly detail?: string | undefined;
  readonly subject?: string | undefined;
}
