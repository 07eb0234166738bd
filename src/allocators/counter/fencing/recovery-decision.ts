/** Decides whether a recovery can end, and where counting continues: exactly, or with a jump above the ceiling. */
import type { Ceiling, CeilingStore } from '../../../core/ceiling/ceiling-store.ts';
import type { CounterInstall, ReportReply } from '../../../core/counter/counter-fence.ts';
import { CeilingsBehindError } from '../../../core/errors.ts';
import { columnsOf, type SequenceId } from '../../../core/values/sequence-id.ts';
import { ceilingAbove, windowWithin } from '../sequence/ceiling-window.ts';

export type WaitingReply = Extract<ReportReply, { kind: 'waiting' }>;

/** How long a recovery waits for the report of a silent node before it jumps above the ceiling. */
const JUMP_AFTER_MS = 3_000;
/**
 * The same once all nodes have reported: each swears off the epoch with its next report, unless it has died since.
 * Longer, because thousands of sequences on a busy machine take time.
 */
const JUMP_UNSWORN_AFTER_MS = 15_000;
/** Where nodes are not registered: time for a node whose very first call was lost. */
const EXACT_AFTER_MS = 1_000;

export interface DecisionOptions {
  readonly sequence: SequenceId;
  readonly initialSeq: bigint;
  readonly limit: bigint;
  /** How far above the counter the ceiling is to lie. */
  readonly window: number;
  /** This node was only asked to report: its `initialSeq` and `limit` are placeholders. */
  readonly stranger?: boolean;
  /** Keeps the ceilings; undefined when the counter store does so itself. */
  readonly ceilings: CeilingStore | undefined;
  /** Called with an epoch that was granted to another server, when nothing but that keeps the recovery from being exact. */
  readonly swear: (epoch: bigint) => void;
}

/** What the answer of the ceilings' store depends on, apart from nodes that leave. */
export const questionOf = ({ recovery, reported, sworn, sinceMs }: WaitingReply): string => {
  const patience = [JUMP_AFTER_MS, JUMP_UNSWORN_AFTER_MS].filter((afterMs) => sinceMs >= afterMs).length;
  return `${recovery.server} ${recovery.time} ${reported.toSorted()} ${sworn} ${patience}`;
};

/** The ceilings' store was restored from a backup, or is another one: nothing is safe until `repair` has run. */
export const behindError = (sequence: SequenceId, stored: Ceiling | undefined): CeilingsBehindError =>
  new CeilingsBehindError(columnsOf(sequence), stored);

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

const decideAlone = (waiting: WaitingReply, { sequence, initialSeq, limit, window }: DecisionOptions) => {
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
 * @returns how to end the recovery, or undefined when it must go on: a node has not reported yet, or another node was faster.
 * @throws StorageUnavailableError or StorageTimeoutError when the ceilings cannot be read, or are older than the counters.
 */
export const decideInstall = async (
  waiting: WaitingReply,
  options: DecisionOptions,
): Promise<CounterInstall | undefined> => {
  const { ceilings, sequence, initialSeq, limit } = options;
  const window = windowWithin(options.window, waiting.highest, limit);
  if (ceilings === undefined) return decideAlone(waiting, { ...options, window });
  const row = await ceilings.read(sequence);
  // A node that only reports does not know where the sequence begins.
  if (row === undefined && options.stranger) return undefined;
  const outcome = await ceilings.recover({
    sequence,
    epoch: row?.epoch ?? 0n,
    servedEpoch: waiting.epoch,
    server: waiting.recovery.server,
    origin: initialSeq,
    reported: waiting.reported,
    sworn: waiting.sworn,
    highest: waiting.highest,
    window: BigInt(window),
    mayJump: waiting.sinceMs >= JUMP_AFTER_MS,
    mayJumpUnsworn: waiting.sinceMs >= JUMP_UNSWORN_AFTER_MS,
  });
  if (outcome.kind === 'behind') throw behindError(sequence, outcome.current);
  if (outcome.kind === 'waiting' && outcome.missing.length === 0 && row !== undefined) options.swear(row.epoch);
  if (outcome.kind !== 'granted') return undefined;
  const { epoch, ceiling, base, jumpTo, account, origin } = outcome;
  const { recovery } = waiting;
  return { sequence, initialSeq, limit, window: 0, recovery, epoch, ceiling, base, jumpTo, account, origin };
};
