/** A node's part in recoveries: it reports what it knows until every one of its sequences is served again. */
import type { CeilingStore } from '../core/ceiling-store.ts';
import type { FenceOperations, ReportReply } from '../core/counter-store.ts';
import { CorruptEntryError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import { ceilingWindow } from './ceiling-window.ts';
import type { Lane } from './lane.ts';
import { behindError, decideInstall, type WaitingReply } from './recovery-decision.ts';

export interface Recovery {
  /** Reports for this lane until it is served; then `onServed` is called. */
  add(lane: Lane): void;
  close(): void;
}

interface Dependencies {
  readonly node: string;
  readonly operations: FenceOperations;
  readonly ceilings: CeilingStore | undefined;
  readonly emit: Emit;
  /** Calls can be made again. */
  readonly onServed: (lane: Lane) => void;
  /** Nothing can be done at the moment; it is tried again. */
  readonly onTrouble: (lane: Lane, error: unknown) => void;
}

/** Lanes that report in one trip. */
const REPORTS_MAX = 256;
const POLL_MS = 50;
const RETRY_MS = 200;
/** The first of those that have reported decides; the next one takes its turn so much later, should it have died. */
const TURN_MS = 500;

const delay = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });

export const createRecovery = (dependencies: Dependencies): Recovery => {
  const { node, operations, ceilings, emit, onServed, onTrouble } = dependencies;
  const lanes = new Set<Lane>();
  /** The epochs that the ceilings' store knows of: a counter store that is ahead of it cannot be trusted. */
  const confirmed = new WeakMap<Lane, bigint>();
  let running = false;
  let closed = false;
  /** Something came about that makes the next report worth sending at once; or there was trouble. */
  let hurried = false;
  let troubled = false;

  const isMyTurn = ({ reported, sinceMs }: WaitingReply): boolean =>
    ceilings === undefined || sinceMs >= reported.toSorted().indexOf(node) * TURN_MS;

  const finish = async (lane: Lane, waiting: WaitingReply): Promise<void> => {
    if (!waiting.reported.includes(node) || !isMyTurn(waiting)) return;
    const { sequence, initialSeq, limit, standbySize } = lane.target;
    // A stranger does not know the limit of the series: it leaves the ceiling to those who count.
    const window = lane.stranger ? 0 : ceilingWindow(standbySize);
    const swear = lane.session.swear;
    const install = await decideInstall(waiting, { sequence, initialSeq, limit, window, ceilings, swear });
    if (install === undefined || !(await operations.install(install))) return;
    hurried = true;
    emit({
      type: 'sequence-recovered',
      ...sequence,
      jumpedTo: install.jumpTo,
      afterMs: waiting.sinceMs,
      nodes: waiting.reported.length,
    });
  };

  const confirm = async (lane: Lane, epoch: bigint): Promise<void> => {
    if (ceilings === undefined || confirmed.get(lane) === epoch) return;
    const row = await ceilings.read(lane.target.sequence);
    if (row === undefined || row.epoch < epoch) throw behindError(lane.target.sequence, row);
    confirmed.set(lane, epoch);
  };

  const takeIn = async (lane: Lane, reply: ReportReply): Promise<void> => {
    try {
      const { named } = lane.session;
      if (reply.kind === 'corrupt') {
        onTrouble(lane, new CorruptEntryError(lane.target.sequence.prefixKey, reply.reason));
        return;
      }
      if (lane.session.settleReport(reply)) {
        if (reply.kind === 'reported') await confirm(lane, reply.fence.epoch);
        lanes.delete(lane);
        onServed(lane);
        return;
      }
      // Now that the recovery has a name, a report for it counts.
      if (lane.session.named !== named) hurried = true;
      if (reply.kind === 'waiting') await finish(lane, reply);
      lane.trouble = undefined;
    } catch (error) {
      troubled = true;
      onTrouble(lane, error);
    }
  };

  /** @returns whether a trip was made. */
  const makeTrip = async (): Promise<boolean> => {
    const chosen = [...lanes].slice(0, REPORTS_MAX);
    // To the end of the line, so that none starves.
    for (const lane of chosen) {
      lanes.delete(lane);
      lanes.add(lane);
    }
    try {
      const replies = await operations.report(chosen.map(({ session, target }) => session.report(target)));
      await Promise.all(
        chosen.map((lane, index) => {
          const reply = replies[index];
          return reply === undefined ? undefined : takeIn(lane, reply);
        }),
      );
      return true;
    } catch (error) {
      for (const lane of chosen) onTrouble(lane, error);
      return false;
    }
  };

  const run = async (): Promise<void> => {
    running = true;
    while (lanes.size > 0 && !closed) {
      hurried = false;
      troubled = false;
      const made = await makeTrip();
      if (!hurried) await delay(made && !troubled ? POLL_MS : RETRY_MS);
    }
    running = false;
  };

  return {
    add: (lane) => {
      lanes.add(lane);
      if (!running) void run();
    },
    close: () => {
      closed = true;
    },
  };
};
