/** A node's part in recoveries: it reports what it knows until every one of its sequences is served again. */
import type { FenceOperations, ReportReply } from '../core/counter-store.ts';
import type { Lane } from './lane.ts';
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
  let running = false;
  let closed = false;
  let hurried = false;
  let troubled = false;

  const takeIn = async (lane: Lane, reply: ReportReply): Promise<void> => {
    const outcome = await steps.takeIn(lane, reply);
    if (outcome === 'hurried') hurried = true;
    if (outcome === 'troubled') troubled = true;
    if (outcome !== 'served') return;
    lanes.delete(lane);
    onServed(lane);
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
      const replies = await operations.report(chosen.map((lane) => steps.reportOf(lane)));
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
