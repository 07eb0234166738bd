/** What a nemesis is: it causes something bad, holds it for a while, repairs it, and says what it did. */
import type { Random } from '../../model/random.ts';
import type { Cluster } from './cluster.ts';
import type { BackendName } from './evidence.ts';

export interface Scene extends Cluster {
  readonly backend: BackendName;
  readonly random: Random;
  /** Waits a random time. */
  pause(fromMs: number, toMs: number): Promise<void>;
  /** An RDB file made earlier in the run. */
  readonly backup: { readonly file: string; readonly takenMs: number };
}

export interface Outcome {
  /** One line for the reader. */
  readonly did: string;
  /** Why it did not do what it should have done; undefined: it did. */
  readonly idle?: string | undefined;
}

export interface Nemesis {
  readonly name: string;
  /** A few words for `--help`. */
  readonly about: string;
  /** Where it makes sense. */
  readonly backends: readonly BackendName[];
  run(scene: Scene): Promise<Outcome>;
}
