/** One piece of work at a time: a caller that asks while one runs gets the outcome of that one. */

export interface SharedRun {
  /** Runs it, or shares the run under way. @throws as the work that ran. */
  run(work: () => Promise<void>): Promise<void>;
  /** Resolves when the run under way has ended, however that was; at once when none is. */
  ended(): Promise<void>;
}

export const createSharedRun = (): SharedRun => {
  let underWay: Promise<void> | undefined;
  return {
    run: (work) => {
      underWay ??= work().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
    ended: async () => underWay?.catch(() => undefined),
  };
};
