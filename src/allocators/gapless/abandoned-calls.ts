/**
 * Calls on a ledger whose callers were refused while the outcome was unknown: cancelled as soon as the ledger answers.
 */
import type { Emit } from '../../core/events/events.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import type { GaplessLimits } from './gapless-limits.ts';

export interface AbandonedCalls {
  /** Cancels the call, so that values it may have taken are issued again. */
  add(operation: string): void;
  /** Tries once more. What cannot be cancelled by then stays as it is, and an event says so. */
  close(): Promise<void>;
}

export const createAbandonedCalls = (
  store: Pick<LedgerStore, 'cancel'>,
  emit: Emit,
  { abandonedMax, cancelRetryMs }: Pick<GaplessLimits, 'abandonedMax' | 'cancelRetryMs'>,
): AbandonedCalls => {
  /** In the order in which they were abandoned. */
  const operations = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | undefined;
  let closed = false;

  const cancelAll = async (): Promise<void> => {
    try {
      for (const operation of operations) {
        await store.cancel(operation);
        operations.delete(operation);
      }
    } catch {
      // Still away: the store itself emits that.
      if (!closed) schedule();
    }
  };
  const run = (): Promise<void> => {
    underWay ??= cancelAll().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
  const schedule = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void run(), cancelRetryMs);
    timer.unref();
  };

  return {
    add: (operation) => {
      if (operations.size >= abandonedMax) {
        const [oldest] = operations;
        if (oldest !== undefined) operations.delete(oldest);
        emit({ type: 'ledger-calls-unsettled', calls: 1 });
      }
      operations.add(operation);
      if (underWay === undefined) schedule();
    },

    close: async () => {
      closed = true;
      clearTimeout(timer);
      await underWay;
      await run();
      if (operations.size > 0) emit({ type: 'ledger-calls-unsettled', calls: operations.size });
    },
  };
};
