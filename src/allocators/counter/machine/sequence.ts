/** One sequence in this node: its phases as one table, the only code that writes a phase, and all that is kept of it. */
import type { Fence } from '../../../core/counter/counter-call.ts';
import type { SequenceId } from '../../../core/values/sequence-id.ts';
import type { AllocationTarget } from '../../allocator.ts';
import type { CounterLimits } from './counter-limits.ts';
import { hasReport, hasValues } from './session.ts';
import { type CounterSession, owesReport } from './session-state.ts';
import type { Line } from './waiters.ts';

export type Phase =
  | 'opening'
  | 'joining'
  | 'serving'
  | 'at-ceiling'
  | 'recovering'
  | 're-entering'
  | 'settling'
  | 'leaving'
  | 'left';

interface PhaseRule {
  /** For docs/engine.md, whose table is made from this one. */
  readonly meaning: string;
  /** Whether numbered calls can be made. */
  readonly makesCalls: boolean;
  /** Whether calls with a receipt can be made: the store must know the session. */
  readonly makesKeyedCalls: boolean;
  /** What a request does while no call can be made. `serve`: is served from the standby, or waits. */
  readonly request: 'call' | 'wait' | 'serve';
  /** What must hold when the phase is entered, in words and as a check. */
  readonly entry: string;
  readonly holds: (sequence: Sequence) => boolean;
  readonly next: readonly Phase[];
}

const hasLeft = ({ session }: Sequence): boolean => session.standing === 'gone';

export const PHASES: Readonly<Record<Phase, PhaseRule>> = {
  opening: {
    meaning: 'The node registers, and reads in which epoch the sequence counts.',
    makesCalls: false,
    makesKeyedCalls: false,
    request: 'wait',
    entry: 'The counter store was never called.',
    holds: ({ session }) => session.standing === 'new',
    next: ['joining', 'recovering', 'left'],
  },
  joining: {
    meaning: 'The next call makes the node known to the counter store.',
    makesCalls: true,
    makesKeyedCalls: false,
    request: 'call',
    entry: 'The counter store was never called.',
    holds: ({ session }) => session.standing === 'new',
    next: ['serving', 'at-ceiling', 'recovering', 're-entering', 'leaving', 'left'],
  },
  serving: {
    meaning: 'Calls are made, and requests are served from the replies.',
    makesCalls: true,
    makesKeyedCalls: true,
    request: 'call',
    entry: 'The counter store knows the node.',
    holds: ({ session }) => session.standing === 'known',
    next: ['at-ceiling', 'recovering', 're-entering', 'settling', 'leaving', 'left'],
  },
  'at-ceiling': {
    meaning: 'The ceiling is raised before the call can be served.',
    makesCalls: false,
    makesKeyedCalls: false,
    request: 'serve',
    entry: 'The node owes no report.',
    holds: (sequence) => !owesReport(sequence.session) && !hasLeft(sequence),
    next: ['joining', 'serving', 'recovering', 'leaving'],
  },
  recovering: {
    meaning: 'The node reports what it knows until the counter store serves again.',
    makesCalls: false,
    makesKeyedCalls: false,
    request: 'serve',
    entry: 'The node owes a report.',
    holds: ({ session }) => owesReport(session),
    next: ['serving', 'leaving', 'left'],
  },
  're-entering': {
    meaning: 'The registration has lapsed: the node registers again before it reports.',
    makesCalls: false,
    makesKeyedCalls: false,
    request: 'serve',
    entry: 'The node owes a report.',
    holds: ({ session }) => owesReport(session),
    next: ['recovering'],
  },
  settling: {
    meaning: 'It was idle for long: its account is stored before the node leaves it.',
    makesCalls: true,
    makesKeyedCalls: true,
    request: 'call',
    entry: 'The counter store knows the node.',
    holds: ({ session }) => session.standing === 'known',
    next: ['serving', 'at-ceiling', 'recovering', 're-entering', 'leaving', 'left'],
  },
  leaving: {
    meaning: 'The next call gives back all that is in hand.',
    makesCalls: true,
    makesKeyedCalls: false,
    request: 'call',
    entry: 'The node owes no report.',
    holds: (sequence) => !owesReport(sequence.session) && !hasLeft(sequence),
    next: ['at-ceiling', 'recovering', 're-entering', 'left'],
  },
  left: {
    meaning: 'The session is over. Its last account may still have to be stored.',
    makesCalls: false,
    makesKeyedCalls: false,
    request: 'wait',
    entry: 'Nothing is in hand, and no request waits.',
    holds: ({ session, waiters, keyed }) => !hasValues(session) && waiters.length === 0 && keyed.length === 0,
    next: [],
  },
};

/** A ceiling that is being moved: its account is read, it is made durable, and then it is put in force. */
export interface CeilingStep {
  readonly id: SequenceId;
  /** Whose move it is: that of a sequence, or that of an operator's advance, which has no sequence. */
  readonly sequence: Sequence | undefined;
  readonly fence: Fence;
  readonly goal: bigint;
  /** Values up to here are never issued: a recovery continues above it. */
  readonly base: bigint;
}

/** A move that is wanted: the ceiling above `above`; and, after a recovery, nothing up to `base`. */
export interface WantedMove {
  readonly above: bigint;
  readonly base: bigint;
}

export interface Sequence extends Line {
  readonly phase: Phase;
  /** Opened only to report for a recovery: its target is a placeholder. */
  isStranger: boolean;
  /** Why nothing can be done about the phase at the moment; the next attempt is made at `retryAtMs`, if it is set. */
  trouble: unknown;
  retryAtMs: number | undefined;
  /** The move of its ceiling that is under way, and the one that follows. */
  move: CeilingStep | undefined;
  nextMove: WantedMove | undefined;
  /** Where the counter stood when the ceiling was met last. */
  stuckAt: bigint;
  /** When its pace was measured last, and `seen`, `given` and `epoch` of the session then. */
  mark: ({ readonly atMs: number } & Pick<CounterSession, 'seen' | 'given' | 'epoch'>) | undefined;
  /** The epoch the ceilings' store was seen to know of: a counter store that is ahead of it cannot be trusted. */
  confirmed: bigint | undefined;
  /** The question about its recovery that was refused last, and when, in ms of the recovery. */
  refusedQuestion: { readonly question: string; readonly sinceMs: number } | undefined;
  /** The epoch that was seen to be granted while the counter store still recovered. */
  granted: bigint | undefined;
  /** The ceilings' store is asked how its recovery ends, or whether it knows the epoch. */
  asks: 'nothing' | 'how-to-end' | 'epoch';
  /** Report-only calls made since the last request, so that reporting ends by itself. */
  reports: number;
  /** Ticks of the idle clock since the last request; and until the next report. */
  idleTicks: number;
  ticksToReport: number;
}

export const createSequence = (session: CounterSession, target: AllocationTarget, phase: Phase): Sequence => ({
  session,
  target,
  waiters: [],
  keyed: [],
  phase,
  isStranger: false,
  trouble: undefined,
  retryAtMs: undefined,
  move: undefined,
  nextMove: undefined,
  stuckAt: 0n,
  mark: undefined,
  confirmed: undefined,
  refusedQuestion: undefined,
  granted: undefined,
  asks: 'nothing',
  reports: 0,
  idleTicks: 0,
  ticksToReport: 1,
});

/** @throws Error when the table does not lead there, or what the phase demands does not hold. */
export const enter = (sequence: Sequence, phase: Phase): void => {
  const { target, session } = sequence;
  if (!PHASES[sequence.phase].next.includes(phase)) {
    throw new Error(`${target.name}: from ${sequence.phase} there is no way to ${phase}`);
  }
  if (!PHASES[phase].holds(sequence)) {
    throw new Error(`${target.name}: ${phase} cannot be entered: ${session.standing}`);
  }
  (sequence as { phase: Phase }).phase = phase;
};

/** Enters it unless the sequence is in it already. */
export const enterOnce = (sequence: Sequence, phase: Phase): void => {
  if (sequence.phase !== phase) enter(sequence, phase);
};

/** What kept the sequence from making calls is gone. One whose first call is still to be made joins before it leaves. */
export const resume = (sequence: Sequence, isClosing: boolean): void => {
  const { session } = sequence;
  sequence.trouble = undefined;
  sequence.retryAtMs = undefined;
  if (session.standing === 'new') enterOnce(sequence, 'joining');
  else enterOnce(sequence, session.pending?.kind === 'leave' || isClosing ? 'leaving' : 'serving');
};

export const makesCalls = ({ phase }: Sequence): boolean => PHASES[phase].makesCalls;

export const makesKeyedCalls = ({ phase }: Sequence): boolean => PHASES[phase].makesKeyedCalls;

/** A request came for the sequence: it is not idle. */
export const touch = (sequence: Sequence, target: AllocationTarget): void => {
  sequence.target = target;
  if (sequence.phase === 'settling') enter(sequence, 'serving');
  sequence.isStranger = false;
  sequence.idleTicks = 0;
  sequence.ticksToReport = 1;
  sequence.reports = 0;
};

const REPORTS_MAX = 3;

/** A used standby, or values without a waiter, are reported soon, a limited number of times. */
export const shouldReport = (sequence: Sequence): boolean => {
  if (!hasReport(sequence.session) || sequence.reports >= REPORTS_MAX) return false;
  sequence.reports += 1;
  return true;
};

/** What an idle sequence does at a tick: nothing, a call that reports, or leave after a long time. */
export type IdleStep = 'nothing' | 'report' | 'leave';

/** Lets the idle clock tick. */
export const tickIdle = (
  sequence: Sequence,
  { idleTicksMax, reportTicksMax }: Pick<CounterLimits, 'idleTicksMax' | 'reportTicksMax'>,
): IdleStep => {
  sequence.idleTicks += 1;
  sequence.ticksToReport -= 1;
  const isLong = sequence.idleTicks > idleTicksMax;
  if (!isLong && (sequence.idleTicks <= 1 || sequence.ticksToReport > 0)) return 'nothing';
  sequence.ticksToReport = Math.min(sequence.idleTicks, reportTicksMax);
  return isLong ? 'leave' : 'report';
};
