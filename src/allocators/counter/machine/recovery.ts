/** A node's part in recoveries: it reports what it knows until every one of its sequences is served, and ends them in its turn. */
import type { Ceiling, RecoveryOutcome } from '../../../core/ceiling/ceiling-store.ts';
import type { CounterInstall, ReportReply } from '../../../core/counter/counter-fence.ts';
import { CorruptEntryError } from '../../../core/errors.ts';
import { columnsOf } from '../../../core/values/sequence-id.ts';
import { ceilingWindow } from './ceiling-window.ts';
import { emit, type NodeState, type Reader } from './node-state.ts';
import { resumeCalls, standInTrouble } from './presence.ts';
import {
  behindError,
  decideAlone,
  installGranted,
  isLong,
  isTurnOf,
  questionOf,
  type RecoveryTerms,
  recoveryRequest,
  type WaitingReply,
} from './recovery-decision.ts';
import { enterOnce, type Sequence } from './sequence.ts';
import { initialSeqOf } from './session-floor.ts';
import { makeReport, settleReport } from './session-report.ts';
import { owesReport, supersede, swear } from './session-state.ts';
import { followFloor } from './waiters.ts';

/** Sequences that report in one trip. */
const REPORTS_MAX = 256;
const POLL_MS = 50;
/** The same once a recovery waits for a node that was heard of lately: it may take its time. */
const PATIENT_POLL_MS = 250;
const RETRY_MS = 200;
/** Sequences about which the ceilings' store is asked at a time. */
const ASKED_MAX = 256;
/** Wait before the same question to the ceilings' store, which may have thousands of sequences to recover. */
const ASK_AGAIN_MS = 250;

/** What a reply means for the next report: it is worth sending at once, soon, or not so soon. */
type Haste = 'hurried' | 'unhurried' | 'patient' | 'troubled';

/** One of them sets the pace of all, the first that any of them has. */
const HASTES: readonly Haste[] = ['hurried', 'troubled', 'unhurried', 'patient'];

/** The sequence, which owes a report, reports from here on until it is served. */
export const recover = (node: NodeState, sequence: Sequence): void => {
  const { recovery } = node;
  enterOnce(sequence, 'recovering');
  recovery.sequences.add(sequence);
  recovery.reportAtMs ??= node.nowMs;
};

/** Swears off the epoch of a sequence that can make calls, and reports. */
export const swearAndRecover = (node: NodeState, sequence: Sequence): void => {
  swear(sequence.session);
  recover(node, sequence);
};

/** The sequence has left: it reports no more. */
export const forgetRecovery = ({ recovery }: NodeState, sequence: Sequence): void => {
  recovery.sequences.delete(sequence);
};

/** Sends the reports that are due, unless some are under way. */
export const sendReports = (node: NodeState): void => {
  const { recovery, nowMs } = node;
  if (recovery.isReporting || recovery.reportAtMs === undefined || nowMs < recovery.reportAtMs) return;
  const sequences: Sequence[] = [];
  for (const sequence of recovery.sequences) {
    if (sequences.length === REPORTS_MAX) break;
    if (sequence.asks !== 'epoch') sequences.push(sequence);
  }
  recovery.reportAtMs = recovery.sequences.size === 0 ? undefined : nowMs + POLL_MS;
  if (sequences.length === 0) return;
  const reports = sequences.map((sequence) => {
    // To the end of the line, so that none starves.
    recovery.sequences.delete(sequence);
    recovery.sequences.add(sequence);
    // The `initialSeq` that is sent holds from here on, even if the config has changed by the time of the answer.
    followFloor(sequence, sequence.target);
    return makeReport(sequence.session, sequence.target);
  });
  recovery.isReporting = true;
  node.effects.push({ do: 'report', sequences, reports });
};

const WAITS_MS: Readonly<Record<Haste, number>> = {
  hurried: 0,
  unhurried: POLL_MS,
  patient: PATIENT_POLL_MS,
  troubled: RETRY_MS,
};

const scheduleReports = ({ recovery, nowMs }: NodeState, haste: Haste): void => {
  recovery.reportAtMs = recovery.sequences.size === 0 ? undefined : nowMs + WAITS_MS[haste];
};

/** The answer about one sequence came after the reports of the others. */
const rescheduleReports = (node: NodeState, haste: Haste): void => {
  const { recovery, nowMs } = node;
  if (recovery.reportAtMs === undefined) return;
  if (haste === 'hurried') recovery.reportAtMs = nowMs;
  if (haste === 'troubled') recovery.reportAtMs = Math.max(recovery.reportAtMs, nowMs + RETRY_MS);
};

const beServed = (node: NodeState, sequence: Sequence): void => {
  // It has sworn off more, or was forgotten, while the ceilings were asked for the epoch: it goes on reporting.
  if (owesReport(sequence.session)) return;
  node.recovery.sequences.delete(sequence);
  if (sequence.phase === 'recovering') resumeCalls(node, sequence);
};

const termsOf = ({ limits }: NodeState, { session, target, isStranger }: Sequence): RecoveryTerms => ({
  sequence: target.sequence,
  // As in the report and in later calls: the config may name a lower one by now, but this node does not count there.
  initialSeq: initialSeqOf(session, target),
  limit: target.limit,
  // A node that only reports does not know the limit of the series: nodes that count set the ceiling.
  window: isStranger ? 0 : ceilingWindow(target.standbySize, limits.ceilingValuesMin),
  isStranger,
  livingPatienceMs: limits.livingPatienceMs,
});

const endAsking = (node: NodeState, sequence: Sequence): void => {
  if (sequence.asks === 'how-to-end') node.recovery.asked -= 1;
  sequence.asks = 'nothing';
};

const install = (node: NodeState, sequence: Sequence, waiting: WaitingReply, found: CounterInstall): void => {
  node.effects.push({ do: 'install', sequence, waiting, install: found });
};

const isAskedAgain = ({ keepsCeilings, limits }: NodeState, sequence: Sequence, waiting: WaitingReply): boolean => {
  const last = sequence.refusedQuestion;
  const { sinceMs } = waiting;
  if (!keepsCeilings || last?.question !== questionOf(waiting, limits.livingPatienceMs)) return false;
  return sinceMs >= last.sinceMs && sinceMs < last.sinceMs + ASK_AGAIN_MS;
};

const refuseQuestion = ({ limits }: NodeState, sequence: Sequence, waiting: WaitingReply): void => {
  const question = questionOf(waiting, limits.livingPatienceMs);
  sequence.refusedQuestion = { question, sinceMs: waiting.sinceMs };
};

/** Asks how the recovery ends, when it is this node's turn. */
const askForEnd = (node: NodeState, sequence: Sequence, waiting: WaitingReply): void => {
  const { recovery, keepsCeilings } = node;
  sequence.trouble = undefined;
  if (sequence.asks !== 'nothing' || recovery.asked >= ASKED_MAX) return;
  if (!isTurnOf(node.node, waiting, keepsCeilings) || isAskedAgain(node, sequence, waiting)) return;
  const alone = keepsCeilings ? undefined : decideAlone(waiting, termsOf(node, sequence));
  if (!keepsCeilings && alone === undefined) return;
  sequence.asks = 'how-to-end';
  recovery.asked += 1;
  if (alone !== undefined) install(node, sequence, waiting, alone);
  else node.reads.waiting.add({ for: 'end', id: sequence.target.sequence, sequence, waiting });
};

const takeInReply = (node: NodeState, sequence: Sequence, reply: ReportReply): Haste => {
  const { session, target } = sequence;
  if (sequence.phase !== 'recovering') return 'unhurried';
  if (reply.kind === 'corrupt') {
    standInTrouble(node, sequence, new CorruptEntryError(target.sequence.series.prefixKey, reply.reason));
    return 'troubled';
  }
  const { recovery } = session;
  if (settleReport(session, reply)) {
    const epoch = reply.kind === 'reported' ? reply.fence.epoch : undefined;
    if (epoch === undefined || !node.keepsCeilings || sequence.confirmed === epoch) beServed(node, sequence);
    else {
      // Whatever was asked about its end is void.
      endAsking(node, sequence);
      sequence.asks = 'epoch';
      node.reads.waiting.add({ for: 'confirm', id: target.sequence, sequence, epoch });
    }
    return 'unhurried';
  }
  if (reply.kind === 'waiting') askForEnd(node, sequence, reply);
  // Once the recovery has a name, a report for it counts.
  if (session.recovery !== recovery) return 'hurried';
  return reply.kind === 'waiting' && isLong(reply) ? 'patient' : 'unhurried';
};

export const takeInReports = (
  node: NodeState,
  sequences: readonly Sequence[],
  replies: readonly ReportReply[],
): void => {
  node.recovery.isReporting = false;
  const hastes = sequences.map((sequence, index): Haste => {
    const reply = replies[index];
    return reply === undefined ? 'troubled' : takeInReply(node, sequence, reply);
  });
  scheduleReports(node, HASTES.find((haste) => hastes.includes(haste)) ?? 'unhurried');
};

export const failReports = (node: NodeState, sequences: readonly Sequence[], error: unknown): void => {
  node.recovery.isReporting = false;
  for (const sequence of sequences) if (sequence.phase === 'recovering') standInTrouble(node, sequence, error);
  scheduleReports(node, 'troubled');
};

const stayInTrouble = (node: NodeState, sequence: Sequence, error: unknown): void => {
  // Another node may have ended the recovery while this one asked how to end it.
  if (sequence.phase === 'recovering') standInTrouble(node, sequence, error);
  rescheduleReports(node, 'troubled');
};

/** A counter store that is ahead of the ceilings cannot be trusted. */
const takeInEpoch = (node: NodeState, sequence: Sequence, epoch: bigint, row: Ceiling | undefined): void => {
  endAsking(node, sequence);
  if (row === undefined || row.epoch < epoch) {
    stayInTrouble(node, sequence, behindError(sequence.target.sequence, row));
    return;
  }
  if (row.epoch > epoch) {
    // Recoveries have gone on from that epoch, perhaps without waiting for this node: it must not count there.
    if (sequence.phase === 'recovering' && row.epoch > sequence.session.epoch) supersede(sequence.session, row.epoch);
    rescheduleReports(node, 'hurried');
    return;
  }
  sequence.confirmed = epoch;
  beServed(node, sequence);
};

/** A recovery was granted that this one knows nothing of: whoever has it is given time to install it, once. */
const isJustGranted = (sequence: Sequence, waiting: WaitingReply, row: Ceiling | undefined): boolean => {
  if (row === undefined || row.epoch <= waiting.epoch || sequence.granted === row.epoch) return false;
  sequence.granted = row.epoch;
  return true;
};

const takeInRow = (node: NodeState, sequence: Sequence, waiting: WaitingReply, row: Ceiling | undefined): void => {
  const request = recoveryRequest(waiting, row, termsOf(node, sequence));
  if (request === undefined || isJustGranted(sequence, waiting, row)) {
    endAsking(node, sequence);
    refuseQuestion(node, sequence, waiting);
  } else node.effects.push({ do: 'recover', sequence, waiting, request });
};

/** Takes in what stands where the ceilings are kept about a sequence that recovers. */
export const takeInRead = (
  node: NodeState,
  reader: Extract<Reader, { for: 'confirm' | 'end' }>,
  row: Ceiling | undefined,
): void => {
  if (reader.for === 'confirm') takeInEpoch(node, reader.sequence, reader.epoch, row);
  else takeInRow(node, reader.sequence, reader.waiting, row);
};

/** The ceilings' store has answered how the recovery ends. @param known the epoch it was asked about; 0 when there was none. */
export const takeInOutcome = (
  node: NodeState,
  sequence: Sequence,
  waiting: WaitingReply,
  { known, outcome }: { readonly known: bigint; readonly outcome: RecoveryOutcome },
): void => {
  if (outcome.kind === 'granted') {
    install(node, sequence, waiting, installGranted(waiting, outcome, termsOf(node, sequence)));
    return;
  }
  endAsking(node, sequence);
  if (outcome.kind === 'behind') {
    stayInTrouble(node, sequence, behindError(sequence.target.sequence, outcome.current));
    return;
  }
  // Nothing but an epoch that was granted to another server keeps the recovery from being exact.
  const isUnsworn = outcome.kind === 'waiting' && outcome.missing.length === 0 && known > 0n;
  if (isUnsworn && sequence.phase === 'recovering') swear(sequence.session, known);
  refuseQuestion(node, sequence, waiting);
};

interface Installed {
  readonly waiting: WaitingReply;
  readonly install: CounterInstall;
  readonly isDone: boolean;
}

export const takeInInstalled = (node: NodeState, sequence: Sequence, installed: Installed): void => {
  const { waiting, install, isDone } = installed;
  endAsking(node, sequence);
  if (!isDone) return;
  rescheduleReports(node, 'hurried');
  // The first epoch follows none: the sequence has begun, and nothing was recovered.
  if (install.epoch === 1n) return;
  emit(node, {
    type: 'sequence-recovered',
    ...columnsOf(sequence.target.sequence),
    jumpedTo: install.jumpTo,
    afterMs: waiting.sinceMs,
    nodes: waiting.reported.length,
  });
};

/** A question about the recovery of a sequence could not be answered. */
export const failAsking = (node: NodeState, sequence: Sequence, error: unknown): void => {
  endAsking(node, sequence);
  stayInTrouble(node, sequence, error);
};
