/** A node's part in recoveries: it reports what it knows until every one of its sequences is served again. */
import type { FenceOperations, ReportReply } from '../../../core/counter/counter-fence.ts';
import type { SequenceQueue } from '../sequence/sequence-queue.ts';
import { createRecoverySteps, type RecoveryStepsOptions } from './recovery-steps.ts';

export interface Recovery {
  /** Reports for this queue until it is served; then `onServed` is called. */
  add(queue: SequenceQueue): void;
  close(): void;
}

interface Dependencies extends RecoveryStepsOptions {
  readonly operations: FenceOperations;
  /** Calls can be made again. */
  readonly onServed: (queue: SequenceQueue) => void;
}

/** Queues that report in one trip. */
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
  const queues = new Set<SequenceQueue>();
  /** Queues that have reported everything and wait for the ceilings' store to let them be served. */
  const settled = new Set<SequenceQueue>();
  let running = false;
  let closed = false;
  let hurried = false;
  let troubled = false;

  const takeIn = async (queue: SequenceQueue, reply: ReportReply): Promise<void> => {
    if (reply.kind !== 'waiting') settled.add(queue);
    const outcome = await steps.takeIn(queue, reply);
    if (reply.kind !== 'waiting') settled.delete(queue);
    if (outcome === 'hurried') hurried = true;
    if (outcome === 'troubled') troubled = true;
    if (outcome !== 'served') return;
    queues.delete(queue);
    onServed(queue);
  };

  /** @returns whether a trip was made. */
  const makeTrip = async (): Promise<boolean> => {
    const chosen = [...queues].filter((queue) => !settled.has(queue)).slice(0, REPORTS_MAX);
    if (chosen.length === 0) return true;
    // Moved to the end of the line, so that none starves.
    for (const queue of chosen) {
      queues.delete(queue);
      queues.add(queue);
    }
    try {
      const replies = await operations.report(chosen.map((queue) => steps.reportOf(queue)));
      const done = chosen.map((queue, index) => {
        const reply = replies[index];
        return reply === undefined ? undefined : takeIn(queue, reply);
      });
      // No longer than that: other nodes take a node that does not report for a silent one.
      await Promise.race([Promise.all(done), delay(POLL_MS)]);
      return true;
    } catch (error) {
      for (const queue of chosen) onTrouble(queue, error);
      return false;
    }
  };

  const run = async (): Promise<void> => {
    running = true;
    while (queues.size > 0 && !closed) {
      hurried = false;
      troubled = false;
      const made = await makeTrip();
      if (!hurried) await delay(made && !troubled ? POLL_MS : RETRY_MS);
    }
    running = false;
  };

  return {
    add: (queue) => {
      queues.add(queue);
      if (!running) void run();
    },
    close: () => {
      closed = true;
    },
  };
};
