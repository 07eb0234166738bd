/** Calls on a ledger whose outcome could not be found out before their callers were refused: cancelled as soon as the ledger answers. */
import type { Emit } from '../../core/events/events.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import type { GaplessLimits } from './gapless-limits.ts';

export interface AbandonedCalls {
  /** Has the call cancelled, so that what it may have taken is handed out again. */
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
      // Away still. The store tells of that itself.
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
