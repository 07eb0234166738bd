/**
 * Calls on a ledger whose callers were refused while the outcome was unknown: cancelled as soon as the ledger answers.
 */
import type { Emit } from '../../core/events/events.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import { createRetriedWork } from '../retried-work.ts';
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

  const cancelling = createRetriedWork(async () => {
    for (const operation of operations) {
      await store.cancel(operation);
      operations.delete(operation);
    }
  }, cancelRetryMs);

  return {
    add: (operation) => {
      if (operations.size >= abandonedMax) {
        const [oldest] = operations;
        if (oldest !== undefined) operations.delete(oldest);
        emit({ type: 'ledger-calls-unsettled', calls: 1 });
      }
      operations.add(operation);
      cancelling.runLater();
    },

    close: async () => {
      await cancelling.close();
      await cancelling.run();
      if (operations.size > 0) emit({ type: 'ledger-calls-unsettled', calls: operations.size });
    },
  };
};
