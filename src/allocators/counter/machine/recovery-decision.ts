/** Decides whether a recovery can end, and where counting continues: exactly, or with a jump above the ceiling. */
import type { Ceiling, RecoveryOutcome, RecoveryRequest } from '../../../core/ceiling/ceiling-store.ts';
import type { CounterInstall, ReportReply } from '../../../core/counter/counter-fence.ts';
import { CeilingsBehindError } from '../../../core/errors.ts';
import { columnsOf, type SequenceId } from '../../../core/values/sequence-id.ts';
import { ceilingAbove, windowWithin } from './ceiling-window.ts';

export type WaitingReply = Extract<ReportReply, { kind: 'waiting' }>;

/** How long a recovery waits for the report of a silent node before it jumps above the ceiling. */
const JUMP_AFTER_MS = 3_000;
/** Where nodes are not registered: time for a node whose very first call was lost. */
const EXACT_AFTER_MS = 1_000;
/** The first node that reported decides; the next one takes over after this time, in case the first has died. */
const TURN_MS = 500;

/** Whether whoever was silent for long has been waited for. */
export const isLong = ({ sinceMs }: WaitingReply): boolean => sinceMs >= JUMP_AFTER_MS;

/** What this node knows of the sequence. */
export interface RecoveryTerms {
  readonly sequence: SequenceId;
  readonly initialSeq: bigint;
  readonly limit: bigint;
  /** How far above the counter the ceiling is to lie. */
  readonly window: number;
  /** This node was only asked to report: its `initialSeq` and `limit` are placeholders. */
  readonly isStranger: boolean;
  /** See `CounterLimits`: how long it waits for a node that was heard of lately, and for nodes to swear off an epoch, ms. */
  readonly livingPatienceMs: number;
}

/** What the answer of the ceilings' store depends on, apart from nodes that leave. */
export const questionOf = ({ recovery, reported, sworn, sinceMs }: WaitingReply, livingPatienceMs: number): string => {
  const patience = [JUMP_AFTER_MS, livingPatienceMs].filter((afterMs) => sinceMs >= afterMs).length;
  return `${recovery.server} ${recovery.time} ${reported.toSorted()} ${sworn} ${patience}`;
};

/** The ceilings' store was restored from a backup, or is another one: nothing is safe until `repair` has run. */
export const behindError = (sequence: SequenceId, stored: Ceiling | undefined): CeilingsBehindError =>
  new CeilingsBehindError(columnsOf(sequence), stored);

/** @param inTurns whether nodes take turns: where the ceilings are kept in a store of their own. */
export const isTurnOf = (node: string, { reported, sinceMs }: WaitingReply, inTurns: boolean): boolean =>
  reported.includes(node) && (!inTurns || sinceMs >= reported.toSorted().indexOf(node) * TURN_MS);

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** Where the counter store keeps the ceilings itself. @returns undefined when the recovery must go on. */
export const decideAlone = (waiting: WaitingReply, terms: RecoveryTerms): CounterInstall | undefined => {
  const { sequence, initialSeq, limit } = terms;
  const window = windowWithin(terms.window, waiting.highest, limit);
  const exact = waiting.missing.length === 0;
  if (waiting.sinceMs < (exact ? EXACT_AFTER_MS : JUMP_AFTER_MS)) return undefined;
  // The server lost the ceiling with its state, and with it what dead nodes had used ahead of the counter.
  const stateLost = waiting.ceiling === 0n && waiting.epoch > 0n;
  const ceiling = stateLost ? ceilingAbove(waiting.highest, window) : waiting.ceiling;
  return {
    sequence,
    initialSeq,
    limit,
    window,
    recovery: waiting.recovery,
    epoch: 0n,
    ceiling: ceilingAbove(larger(ceiling, waiting.highest), window),
    base: 0n,
    jumpTo: exact && !stateLost ? undefined : ceiling,
    account: undefined,
  };
};

/**
 * What the ceilings' store is asked to end the recovery.
 * @param row what it knows of the sequence. @returns undefined when this node cannot ask: it does not know where the sequence begins.
 */
export const recoveryRequest = (
  waiting: WaitingReply,
  row: Ceiling | undefined,
  { sequence, initialSeq, limit, window, isStranger, livingPatienceMs }: RecoveryTerms,
): RecoveryRequest | undefined => {
  if (row === undefined && isStranger) return undefined;
  return {
    sequence,
    epoch: row?.epoch ?? 0n,
    servedEpoch: waiting.epoch,
    server: waiting.recovery.server,
    origin: initialSeq,
    reported: waiting.reported,
    sworn: waiting.sworn,
    highest: waiting.highest,
    window: BigInt(windowWithin(window, waiting.highest, limit)),
    mayJump: isLong(waiting),
    mayJumpRecent: waiting.sinceMs >= livingPatienceMs,
    mayJumpUnsworn: waiting.sinceMs >= livingPatienceMs,
  };
};

/** Ends the recovery as the ceilings' store has granted it. */
export const installGranted = (
  waiting: WaitingReply,
  { kind: _granted, ...grant }: Extract<RecoveryOutcome, { kind: 'granted' }>,
  { sequence, initialSeq, limit }: RecoveryTerms,
): CounterInstall => {
  const { recovery } = waiting;
  return { sequence, initialSeq, limit, window: 0, recovery, ...grant };
};
