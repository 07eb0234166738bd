/** Work on a store that runs once at a time, and again after a wait for as long as it fails. */
import { createSharedRun } from './shared-run.ts';

export interface RetriedWork {
  /** Runs it now, or shares the run under way. Never rejects: a run that failed is followed by another one. */
  run(): Promise<void>;
  /** Runs it after the wait, which begins anew with each call. */
  runLater(): void;
  /** Nothing runs by itself from now on. Resolves when the run under way has ended. */
  close(): Promise<void>;
}

/** @param retryMs the wait. A failure of `work` is not reported: the store that failed emits it. */
export const createRetriedWork = (work: () => Promise<void>, retryMs: number): RetriedWork => {
  const shared = createSharedRun();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const runLater = (): void => {
    clearTimeout(timer);
    if (closed) return;
    timer = setTimeout(() => void run(), retryMs);
    timer.unref();
  };
  const run = (): Promise<void> => shared.run(() => work().catch(runLater));

  return {
    run,
    runLater,
    close: () => {
      closed = true;
      clearTimeout(timer);
      return shared.ended();
    },
  };
};
