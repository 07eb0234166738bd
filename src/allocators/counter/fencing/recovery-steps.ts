/** The steps of a node in a recovery: report, swear off, end it in its turn. recovery.ts repeats them. */
import type { CeilingStore } from '../../../core/ceiling/ceiling-store.ts';
import type { CounterReport, FenceOperations, ReportReply } from '../../../core/counter/counter-fence.ts';
import { CorruptEntryError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/events/events.ts';
import { columnsOf } from '../../../core/values/sequence-id.ts';
import { ceilingWindow } from '../sequence/ceiling-window.ts';
import { followFloor, type SequenceQueue } from '../sequence/sequence-queue.ts';
import { initialSeqOf } from '../sequence/session-floor.ts';
import { makeReport, settleReport } from '../sequence/session-report.ts';
import { owesReport, swear } from '../sequence/session-state.ts';
import { behindError, decideInstall, questionOf, type WaitingReply } from './recovery-decision.ts';

export interface RecoveryStepsOptions {
  readonly node: string;
  readonly operations: Pick<FenceOperations, 'install'>;
  readonly ceilings: CeilingStore | undefined;
  readonly emit: Emit;
  /** Nothing can be done at the moment; it is tried again. */
  readonly onTrouble: (queue: SequenceQueue, error: unknown) => void;
  /** Values by which a ceiling lies above the counter; the model check has smaller ones, so that they are met. */
  readonly windowFor?: (standbySize: number) => number;
  /** The model check replaces it, to prove that a wrong decision is found. */
  readonly decide?: typeof decideInstall;
}

/** `served`: calls can be made. `hurried`: the next report is worth sending at once. `troubled`: not so soon. */
export type ReportOutcome = 'served' | 'waiting' | 'hurried' | 'troubled';

export interface RecoverySteps {
  reportOf(queue: SequenceQueue): CounterReport;
  /** Takes in the answer to a report, and ends the recovery when that can be done and it is this node's turn. */
  takeIn(queue: SequenceQueue, reply: ReportReply): Promise<ReportOutcome>;
}

/** The first node that reported decides; the next one takes over after this time, in case the first has died. */
const TURN_MS = 500;
/** Sequences about which the ceilings' store is asked at a time. */
const ASKED_MAX = 256;
/** Wait before the same question to the ceilings' store, which may have thousands of sequences to recover. */
const ASK_AGAIN_MS = 250;

export const createRecoverySteps = (options: RecoveryStepsOptions): RecoverySteps => {
  const { node, operations, ceilings, emit, onTrouble, windowFor = ceilingWindow, decide = decideInstall } = options;
  /** The epochs that the ceilings' store knows of: a counter store that is ahead of it cannot be trusted. */
  const confirmed = new WeakMap<SequenceQueue, bigint>();

  /** What was refused last, and when, in ms of the recovery. */
  const refused = new WeakMap<SequenceQueue, { readonly question: string; readonly sinceMs: number }>();

  /** Those about which the ceilings' store is being asked. */
  const asked = new Set<SequenceQueue>();

  const isAskedAgain = (queue: SequenceQueue, question: string, sinceMs: number): boolean => {
    const last = refused.get(queue);
    if (ceilings === undefined || last?.question !== question) return false;
    return sinceMs >= last.sinceMs && sinceMs < last.sinceMs + ASK_AGAIN_MS;
  };

  const isMyTurn = ({ reported, sinceMs }: WaitingReply): boolean =>
    ceilings === undefined || sinceMs >= reported.toSorted().indexOf(node) * TURN_MS;

  /** @returns whether the recovery was ended. */
  const end = async (queue: SequenceQueue, waiting: WaitingReply): Promise<boolean> => {
    const { session, target, stranger } = queue;
    if (!waiting.reported.includes(node) || !isMyTurn(waiting)) return false;
    const { sinceMs } = waiting;
    const question = questionOf(waiting);
    if (isAskedAgain(queue, question, sinceMs)) return false;
    const { sequence, limit, standbySize } = target;
    const install = await decide(waiting, {
      sequence,
      // As in the report and in later calls: the config may name a lower one by now, but this node does not count
      // there.
      initialSeq: initialSeqOf(session, target),
      limit,
      // A node that only reports does not know the limit of the series: nodes that count set the ceiling.
      window: stranger ? 0 : windowFor(standbySize),
      stranger,
      ceilings,
      swear: (epoch) => swear(session, epoch),
    });
    if (install === undefined) refused.set(queue, { question, sinceMs });
    if (install === undefined || !(await operations.install(install))) return false;
    emit({
      type: 'sequence-recovered',
      ...columnsOf(sequence),
      jumpedTo: install.jumpTo,
      afterMs: sinceMs,
      nodes: waiting.reported.length,
    });
    return true;
  };

  const confirm = async (queue: SequenceQueue, epoch: bigint): Promise<void> => {
    if (ceilings === undefined || confirmed.get(queue) === epoch) return;
    const row = await ceilings.read(queue.target.sequence);
    if (row === undefined || row.epoch < epoch) throw behindError(queue.target.sequence, row);
    confirmed.set(queue, epoch);
  };

  const advise = async (queue: SequenceQueue, reply: ReportReply): Promise<ReportOutcome> => {
    const { recovery } = queue.session;
    if (reply.kind === 'corrupt') throw new CorruptEntryError(queue.target.sequence.series.prefixKey, reply.reason);
    if (settleReport(queue.session, reply)) {
      if (reply.kind === 'reported') await confirm(queue, reply.fence.epoch);
      return 'served';
    }
    // Once the recovery has a name, a report for it counts.
    const isNamed = queue.session.recovery !== recovery;
    if (reply.kind === 'waiting') {
      if (asked.has(queue) || asked.size >= ASKED_MAX) return isNamed ? 'hurried' : 'waiting';
      asked.add(queue);
      const isEnded = await end(queue, reply).finally(() => asked.delete(queue));
      if (isEnded) return 'hurried';
    }
    queue.trouble = undefined;
    return isNamed ? 'hurried' : 'waiting';
  };

  return {
    reportOf: (queue) => {
      // The `initialSeq` that was sent holds from here on, even if the config has changed by the time of the answer.
      followFloor(queue, queue.target);
      return makeReport(queue.session, queue.target);
    },
    takeIn: async (queue, reply) => {
      try {
        return await advise(queue, reply);
      } catch (error) {
        // Another node may have ended the recovery while this one asked how to end it.
        if (reply.kind !== 'waiting' || owesReport(queue.session)) onTrouble(queue, error);
        return 'troubled';
      }
    },
  };
};
