/** What the machine of a node knows: its sequences, the store's presence, what is under way, and what is to be done next. */
import type {
  Ceiling,
  CeilingRaise,
  RaiseOutcome,
  RecoveryOutcome,
  RecoveryRequest,
} from '../../../core/ceiling/ceiling-store.ts';
import type { AdvanceReply, AdvanceRequest, CounterCall, CounterReply } from '../../../core/counter/counter-call.ts';
import type {
  AccountReply,
  CeilingMove,
  CounterInstall,
  CounterReport,
  RaiseReply,
  ReportReply,
} from '../../../core/counter/counter-fence.ts';
import type { NumberGeneratorEvent } from '../../../core/events/events.ts';
import type { KeyRefusal } from '../../../core/values/receipt.ts';
import type { SequenceId } from '../../../core/values/sequence-id.ts';
import type { AllocationTarget } from '../../allocator.ts';
import type { CounterLimits } from './counter-limits.ts';
import type { WaitingReply } from './recovery-decision.ts';
import type { CeilingStep, Sequence } from './sequence.ts';
import type { CounterSession } from './session-state.ts';
import type { Answer, Desk, KeyedWaiter, Ticket } from './waiters.ts';

/** An entry of a trip: a numbered call, or that of a request with a receipt. */
export interface TripEntry {
  readonly sequence: Sequence;
  readonly call: CounterCall;
  readonly waiter?: KeyedWaiter;
}

/** An operator moves a sequence forward. */
export interface Advance {
  readonly ticket: Ticket<AdvanceReply>;
  readonly target: AllocationTarget;
  /** A fresh random name of this operation. */
  readonly operation: string;
  readonly to: bigint;
  readonly endMs: number;
  /** When it is tried again; undefined while something is under way for it. */
  retryAtMs: number | undefined;
}

/** A reader of what stands where the ceilings are kept, and its purpose. */
export type Reader =
  | { readonly for: 'open'; readonly id: SequenceId; readonly sequence: Sequence }
  | { readonly for: 'confirm'; readonly id: SequenceId; readonly sequence: Sequence; readonly epoch: bigint }
  | { readonly for: 'end'; readonly id: SequenceId; readonly sequence: Sequence; readonly waiting: WaitingReply }
  | { readonly for: 'advance'; readonly id: SequenceId; readonly advance: Advance };

/** A move of a ceiling, and where it stands. */
export interface Move extends CeilingStep {
  readonly advance: Advance | undefined;
  /** The ceiling that is durable is put in force before a higher one is asked for. */
  isKnownInForce: boolean;
}

/** What a port is asked, and what it answers. */
interface Questions {
  reserve: [
    { readonly entries: readonly TripEntry[]; readonly calls: readonly CounterCall[] },
    readonly CounterReply[],
  ];
  claim: [{ readonly waiter: KeyedWaiter }, boolean | KeyRefusal];
  report: [
    { readonly sequences: readonly Sequence[]; readonly reports: readonly CounterReport[] },
    readonly ReportReply[],
  ];
  read: [{ readonly readers: readonly Reader[]; readonly node: string }, readonly (Ceiling | undefined)[]];
  recover: [
    { readonly sequence: Sequence; readonly waiting: WaitingReply; readonly request: RecoveryRequest },
    RecoveryOutcome,
  ];
  install: [{ readonly sequence: Sequence; readonly waiting: WaitingReply; readonly install: CounterInstall }, boolean];
  account: [{ readonly moves: readonly Move[] }, readonly AccountReply[]];
  raise: [{ readonly moves: readonly Move[]; readonly raises: readonly CeilingRaise[] }, readonly RaiseOutcome[]];
  propose: [{ readonly move: Move; readonly ceiling: CeilingMove }, boolean];
  enforce: [{ readonly moves: readonly Move[]; readonly ceilings: readonly CeilingMove[] }, readonly RaiseReply[]];
  register: [{ readonly node: string }, unknown];
  bury: [{ readonly node: string }, readonly string[]];
  unregister: [{ readonly node: string }, unknown];
  advance: [{ readonly advance: Advance; readonly request: AdvanceRequest }, AdvanceReply];
}

export type Port = keyof Questions;
export type AskOf<P extends Port> = { readonly do: P } & Questions[P][0];
export type ReplyOf<P extends Port> = Questions[P][1];

/** A question to a port: it ends in exactly one `answered` or `failed`. */
export type Ask = { [P in Port]: AskOf<P> }[Port];

/** What the shell is to do, in this order. */
export type Effect =
  | Ask
  | Answer
  | { readonly do: 'serve-advance'; readonly ticket: Ticket<AdvanceReply>; readonly reply: AdvanceReply }
  | { readonly do: 'refuse-advance'; readonly ticket: Ticket<AdvanceReply>; readonly error: unknown }
  | { readonly do: 'emit'; readonly event: NumberGeneratorEvent }
  /** Nothing is under way any more: the node has ended. */
  | { readonly do: 'end' };

/** The answer to a question. */
export type Answered = {
  [P in Port]: { readonly kind: 'answered'; readonly of: P; readonly ask: AskOf<P>; readonly reply: ReplyOf<P> };
}[Port];

/** The store answers; a call takes suspiciously long; the last call failed. */
export type Presence = 'present' | 'slow' | 'away';

/** Things that wait for a trip of their own; a trip carries many, and one is under way at a time. */
export interface Lane<Item> {
  readonly waiting: Set<Item>;
  isUnderWay: boolean;
}

interface Recovery {
  /** Those that report, the one that has waited longest first. */
  readonly sequences: Set<Sequence>;
  isReporting: boolean;
  /** When the next reports are sent; undefined while no sequence reports. */
  reportAtMs: number | undefined;
  /** About how many sequences the ceilings' store is asked how their recovery ends. */
  asked: number;
}

interface Registration {
  isPending: boolean;
  /** When it was made or renewed last; undefined before. */
  registeredMs: number | undefined;
  renewAtMs: number | undefined;
  renewals: number;
  /** Those that wait for it. */
  readonly waiting: Set<Sequence>;
}

interface Closing {
  readonly recoveryEndMs: number;
  stage: 'leaving' | 'settling' | 'unregistering' | 'ended';
  attempts: number;
  /** When the next attempt to leave all sequences is made; undefined while one is under way. */
  attemptAtMs: number | undefined;
}

export interface NodeState extends Desk {
  readonly node: string;
  readonly limits: CounterLimits;
  /** The counter store can lose what it acknowledged. */
  readonly isFenced: boolean;
  /** Ceilings are kept in a store of their own, which knows the nodes. */
  readonly keepsCeilings: boolean;
  /** A key is claimed before its request takes values. */
  readonly claimsKeys: boolean;
  /** Whether replicas of the counter store can confirm a ceiling. */
  hasReplicas: boolean;
  /** The time of the event that is being taken in, and what is to be done about it. */
  nowMs: number;
  effects: Effect[];
  readonly sequences: Map<string, Sequence>;
  /** The sequences whose next call should be made. A Set keeps the order, so none starves. */
  readonly due: Set<Sequence>;
  /** The sequences in which a keyed request waits for a trip. */
  readonly dueKeyed: Set<Sequence>;
  presence: Presence;
  lastError: unknown;
  /** The trip under way; undefined when none is. */
  trip: { readonly patienceEndMs: number } | undefined;
  /** Numbers the calls of all sequences. */
  calls: number;
  retryMs: number;
  retryAtMs: number | undefined;
  tickAtMs: number | undefined;
  readonly recovery: Recovery;
  readonly registration: Registration;
  readonly reads: Lane<Reader>;
  readonly accounts: Lane<Move>;
  readonly raises: Lane<{ readonly move: Move; readonly raise: CeilingRaise }>;
  readonly enforcements: Lane<{ readonly move: Move; readonly ceiling: CeilingMove }>;
  /** Sequences that wait until they are tried again. */
  readonly troubled: Set<Sequence>;
  /** Sequences that were left, and whose last account is not stored yet. */
  readonly farewells: Set<Sequence>;
  /** By the name of its sequence: a session that is over and whose account is not stored. The next one reports what it knew. */
  readonly unstored: Map<string, CounterSession>;
  /** Whether the last account of every sequence that was left has been stored. */
  isAllSettled: boolean;
  readonly advances: Set<Advance>;
  closing: Closing | undefined;
}

export interface NodeOptions {
  readonly node: string;
  readonly limits: CounterLimits;
  readonly isFenced: boolean;
  readonly keepsCeilings: boolean;
  readonly claimsKeys: boolean;
  readonly hasReplicas: boolean;
}

const lane = <Item>(): Lane<Item> => ({ waiting: new Set(), isUnderWay: false });

/** @param nowMs on the clock that all events of this node are dated by: monotonic, ms. */
export const createNodeState = (options: NodeOptions, nowMs: number): NodeState => ({
  ...options,
  arrived: 0,
  answered: 0,
  nowMs,
  effects: [],
  sequences: new Map(),
  due: new Set(),
  dueKeyed: new Set(),
  presence: 'present',
  lastError: undefined,
  trip: undefined,
  calls: 0,
  retryMs: options.limits.retryMs,
  retryAtMs: undefined,
  tickAtMs: nowMs + options.limits.tickMs,
  recovery: { sequences: new Set(), isReporting: false, reportAtMs: undefined, asked: 0 },
  registration: {
    isPending: false,
    registeredMs: undefined,
    renewAtMs: options.keepsCeilings ? nowMs + options.limits.renewMs : undefined,
    renewals: 0,
    waiting: new Set(),
  },
  reads: lane(),
  accounts: lane(),
  raises: lane(),
  enforcements: lane(),
  troubled: new Set(),
  farewells: new Set(),
  unstored: new Map(),
  isAllSettled: true,
  advances: new Set(),
  closing: undefined,
});

export const emit = (node: NodeState, event: NumberGeneratorEvent): void => {
  node.effects.push({ do: 'emit', event });
};

/** Takes up to `max` of the things that wait, at most one of each key; undefined when none waits or a trip is under way. */
export const takeFrom = <Item>(
  { waiting, isUnderWay }: Lane<Item>,
  max: number,
  keyOf: (item: Item) => unknown,
): Item[] | undefined => {
  if (isUnderWay || waiting.size === 0) return undefined;
  const keys = new Set<unknown>();
  const taken: Item[] = [];
  for (const item of waiting) {
    if (taken.length === max) break;
    const key = keyOf(item);
    if (keys.has(key)) continue;
    keys.add(key);
    taken.push(item);
    waiting.delete(item);
  }
  return taken;
};
