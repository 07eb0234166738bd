/** A node's part in recoveries: it reports what it knows until every one of its sequences is served again. */
import type { FenceOperations, ReportReply } from '../../../core/counter/counter-store.ts';
import type { Lane } from '../sequence/sequence-queue.ts';
import { createRecoverySteps, type RecoveryStepsOptions } from './recovery-steps.ts';

export interface Recovery {
  /** Reports for this lane until it is served; then `onServed` is called. */
  add(lane: Lane): void;
  close(): void;
}

interface Dependencies extends RecoveryStepsOptions {
  readonly operations: FenceOperations;
  /** Calls can be made again. */
  readonly onServed: (lane: Lane) => void;
}

/** Lanes that report in one trip. */
const REPORTS_MAX = 256;
const POLL_MS = 50;
const RETRY_MS = 200;

const delay = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });

export const createRecovery = (dependencies: Dependencies): Recovery => {
  const { operations, onServed, onTrouble } = dependencies;
  const steps = createRecoverySteps(dependencies);
  const lanes = new Set<Lane>();
  /** Those that have said all they had to say, while the ceilings' store is asked whether they may be served. */
  const settled = new Set<Lane>();
  let running = false;
  let closed = false;
  let hurried = false;
  let troubled = false;

  const takeIn = async (lane: Lane, reply: ReportReply): Promise<void> => {
    if (reply.kind !== 'waiting') settled.add(lane);
    const outcome = await steps.takeIn(lane, reply);
    if (reply.kind !== 'waiting') settled.delete(lane);
    if (outcome === 'hurried') hurried = true;
    if (outcome === 'troubled') troubled = true;
    if (outcome !== 'served') return;
    lanes.delete(lane);
    onServed(lane);
  };

  /** @returns whether a trip was made. */
  const makeTrip = async (): Promise<boolean> => {
    const chosen = [...lanes].filter((lane) => !settled.has(lane)).slice(0, REPORTS_MAX);
    if (chosen.length === 0) return true;
    // To the end of the line, so that none starves.
    for (const lane of chosen) {
      lanes.delete(lane);
      lanes.add(lane);
    }
    try {
      const replies = await operations.report(chosen.map((lane) => steps.reportOf(lane)));
      const done = chosen.map((lane, index) => {
        const reply = replies[index];
        return reply === undefined ? undefined : takeIn(lane, reply);
      });
      // No longer: to the others a node that does not report is a silent one.
      await Promise.race([Promise.all(done), delay(POLL_MS)]);
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
