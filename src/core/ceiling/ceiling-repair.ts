/** The ports of the repair: what the counter store serves, and a ceiling store that fell behind it. */

import type { SequenceId } from '../values/sequence-id.ts';
import type { Ceiling } from './ceiling-store.ts';

/** A sequence as the counter store serves it. */
export interface ServedSequence extends Ceiling {
  readonly sequence: SequenceId;
  /** Identity of the server that serves it. */
  readonly server: string;
  /** Where the counter stands. */
  readonly value: bigint;
}

export interface ServedSequences {
  /** All sequences that carry an epoch, in no order, some perhaps twice. @throws the store's errors. */
  list(): AsyncIterable<ServedSequence>;
}

export interface CeilingRepair {
  /** @returns undefined when there is no entry. @throws the store's errors. */
  read(sequence: SequenceId): Promise<Ceiling | undefined>;
  /**
   * Moves epoch, ceiling and base to what is served, or makes the entry; none of them ever goes back.
   * @returns what is stored now. @throws the store's errors.
   */
  moveForward(served: ServedSequence): Promise<Ceiling>;
}
