/** One history's world: virtual time, servers, the ceilings, nodes, and the truth about each sequence. */
import type { CounterShell } from '../../src/allocators/counter/counter-shell.ts';
import type { CounterLimits } from '../../src/allocators/counter/machine/counter-limits.ts';
import type { CeilingStore } from '../../src/core/ceiling/ceiling-store.ts';
import type { Range } from '../../src/core/values/range.ts';
import type { SequenceId } from '../../src/core/values/sequence-id.ts';
import type { SequenceKeys } from '../../src/stores/redis/codecs/redis-keys.ts';
import type { Random } from './random.ts';
import type { ScriptRunner, Stored } from './script-runner.ts';
import type { Timeline } from './timeline.ts';

/** Where a sequence begins, and on which terms it counts. */
export interface SequenceTerms {
  /** The value before the first. */
  readonly origin: bigint;
  readonly limit: bigint;
  readonly standbySize: number;
}

/** The setting of a history. */
export interface Scene {
  readonly seed: number;
  readonly sequences: readonly SequenceTerms[];
  /** What somebody does, one after the other: an operator, clients, fate. */
  readonly acts: number;
  /** Between two of them, on average. */
  readonly paceMs: number;
  /** How long a message takes, on average. */
  readonly latencyMs: number;
  /** After which a node gives up a question. */
  readonly timeoutMs: number;
  /** How many messages are lost, and how many arrive once more later. */
  readonly loss: number;
  readonly doubling: number;
  /** Nodes stop for a while, and go on. */
  readonly stalls: boolean;
  /** Hours pass: registrations lapse, and nodes are buried. */
  readonly isLong: boolean;
  readonly countMax: number;
  readonly nodesMax: number;
  /** Nodes may be folded away while they live: losses are then only checked not to repeat. */
  readonly forgetful: boolean;
  readonly crashes: boolean;
  readonly advances: boolean;
  /** Clients with idempotency keys. Where servers forget, what was once in a receipt is accounted for, so others tell more. */
  readonly keyed: boolean;
  /** Keys are claimed before their requests take values. */
  readonly claims: boolean;
  /** Replicas confirm the ceilings, where nobody else keeps them. */
  readonly replicas: boolean;
  /** What befalls the servers; `alone`: nobody keeps the ceilings but the servers themselves. */
  readonly fence: 'none' | 'alone' | 'kept';
  readonly limits: Partial<CounterLimits>;
}

/** The truth about one sequence. */
export interface Book {
  readonly index: number;
  readonly id: SequenceId;
  readonly name: string;
  readonly limit: bigint;
  initialSeq: bigint;
  standbySize: number;
  /** Where the sequence began: what `initialSeq` was when the first call was served. */
  origin: bigint;
  begun: boolean;
  /** How far an operator moved it, by an advance or by `initialSeq`. */
  advancedTo: bigint;
  /** How far a node that did not know the limit has let it jump. */
  jumpedTo: bigint;
  /** Nothing new may be handed out at or below it, in this epoch or a later one: a server of an earlier one has not heard of it. */
  floor: bigint;
  floorEpoch: bigint;
  /** To which node's clients, or under which idempotency key. */
  readonly issued: Map<bigint, string>;
  /** What was issued under an idempotency key last. */
  readonly given: Map<string, string>;
  /** Under which key a receipt was written for a value. */
  readonly receipted: Map<bigint, string>;
  /** Given back by nodes that had made another call since, or to one of several servers: see `deriveOthers`. */
  readonly givenBackLate: Set<bigint>;
  /** Last answers by (node, call): a repetition must say the same, unless something befell the servers since. */
  readonly answers: Map<string, { readonly text: string; readonly era: string }>;
  /** All answers by (node, call): servers that have parted may each have one, and each repeats its own. */
  readonly told: Set<string>;
  /** Ranges that were handed out in replies no node has taken in. */
  readonly underWay: Map<string, { readonly node: ModelNode; readonly range: Range }>;
}

/** Stands for a Redis. */
export interface ModelServer {
  /** Another one after each restart. */
  identity: string;
  /** Of each sequence. */
  readonly keys: readonly SequenceKeys[];
  /** Earlier states of it, as a backup or a lagging replica would have them. */
  readonly memories: (readonly Stored[])[];
  awayUntilMs: number;
}

/** Runs the production shell with its machine. */
export interface ModelNode {
  readonly name: string;
  readonly shell: CounterShell;
  /** The server it talks to. */
  server: ModelServer;
  status: 'alive' | 'closing' | 'ended' | 'crashed';
  /** When a shutdown began. */
  closedAtMs: number;
  /** It has asked to be forgotten where the ceilings are kept. */
  isStruckOut: boolean;
  /** It ended without having given back everything. */
  leftBehind: boolean;
  /** It stands still until then, and hears nothing. */
  stalledUntilMs: number;
  /** It cannot reach the ceilings until then. */
  cutOffUntilMs: number;
  /** Questions without an answer so far; and those that claim a key. */
  asking: number;
  claiming: number;
  /** Requests without an answer so far. */
  pending: number;
  /** Values in the hands of clients that will give them back. */
  readonly inHand: { readonly book: Book; readonly ranges: readonly Range[] }[];
  /** Of each sequence: the highest `initialSeq` it has heard of, and the highest value it was given in order. */
  readonly floors: bigint[];
  readonly highs: bigint[];
  /** Of each sequence: the last numbered call, and what it brought, if no other was sent since. */
  readonly sent: number[];
  readonly lasts: (Range | undefined)[];
  /** Of each sequence: what was sent before this question is not played any more. */
  readonly voidBefore: number[];
  /** Sequences of which a hint is on its way. */
  readonly hinted: Set<Book>;
  /** Events that were taken in. */
  feeds: number;
  /** The alarm rang so often, each time a millisecond after the time before. */
  spins: number;
  /** What it is told besides answers. */
  hears: { reachable: () => void; recoveryBegan: (id: SequenceId) => void };
}

export interface World {
  readonly scene: Scene;
  readonly random: Random;
  readonly runner: ScriptRunner;
  readonly timeline: Timeline;
  readonly books: readonly Book[];
  readonly servers: ModelServer[];
  /** Keeps the ceilings in scenes where somebody does; asked directly, without the network. */
  readonly ceilings: CeilingStore | undefined;
  ceilingsAwayUntilMs: number;
  readonly nodes: ModelNode[];
  /** All that was ever used on the real Redis. */
  readonly keys: SequenceKeys[];
  /** Idempotency keys that were claimed, and by which request. */
  readonly claimed: Map<string, string>;
  /** Undefined unless the history is told. */
  readonly log: string[] | undefined;
  /** The first promise that was broken. */
  failure: Error | undefined;
  /** Counts what befell the servers. */
  era: number;
  /** Gives names that no other thing of this history has. */
  names: number;
  /** Nothing is lost, late or repeated any more. */
  isHealed: boolean;
  /** Calls of ports, and which of them fails in what way. */
  asked: number;
  readonly mishap: Mishap | undefined;
  /** How often each sort of answer was met. */
  readonly met: Map<string, number>;
}

/** The n-th question to a port, counted from 1, is never put, or its answer is lost. */
export interface Mishap {
  readonly nth: number;
  readonly loses: 'request' | 'reply';
}

export const fail = (world: World, what: string): never => {
  world.failure ??= new Error(`seed ${world.scene.seed}: ${what}`);
  throw world.failure;
};

export const check = (world: World, holds: boolean, what: () => string): void => {
  if (!holds) fail(world, what());
};

export const tell = ({ log, timeline }: World, what: () => string): void => {
  log?.push(`${timeline.nowMs.toFixed(0)} ${what()}`);
};

export const meet = ({ met }: World, sort: string): void => {
  met.set(sort, (met.get(sort) ?? 0) + 1);
};

export const nameOf = (world: World, kind: string): string => {
  world.names += 1;
  return `${kind}${world.names}`;
};
