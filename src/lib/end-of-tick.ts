/** The end of this turn of the event loop, when all requests that came with it have been read. */

/**
 * Even without a store, reading all requests of a turn and then answering them all costs less CPU than handling one
 * after the other (docs/measurements.md).
 * @returns a function whose promise is shared by all who ask in the same turn.
 */
export const createEndOfTick = (): (() => Promise<void>) => {
  let turnEnd: Promise<void> | undefined;
  return () => {
    turnEnd ??= new Promise((resolve) => {
      setImmediate(() => {
        turnEnd = undefined;
        resolve();
      });
    });
    return turnEnd;
  };
};
