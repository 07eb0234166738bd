/** Work that is not begun again while it runs: a caller that asks meanwhile gets the outcome of the run under way. */

export interface SharedRun {
  /** Runs it, or shares the run under way. @throws as the work. */
  run(): Promise<void>;
  /** Resolves when the run under way has ended, however that was; at once when none is. */
  ended(): Promise<void>;
}

export const createSharedRun = (work: () => Promise<void>): SharedRun => {
  let underWay: Promise<void> | undefined;
  return {
    run: () => {
      underWay ??= work().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
    ended: async () => underWay?.catch(() => undefined),
  };
};
