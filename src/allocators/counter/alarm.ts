/** The one timer of a node's machine, on the monotonic clock of the process. */

export interface Alarm {
  /** Now, ms. Never goes back. */
  nowMs(): number;
  /** When it is to ring; undefined: not at all. It may ring earlier, when it was set earlier before. */
  set(atMs: number | undefined): void;
}

export const createAlarm = (ring: () => void): Alarm => {
  let timer: NodeJS.Timeout | undefined;
  let dueMs = Number.POSITIVE_INFINITY;
  const clear = (): void => {
    clearTimeout(timer);
    timer = undefined;
    dueMs = Number.POSITIVE_INFINITY;
  };
  const go = (): void => {
    clear();
    // A reply that arrived while this process was stalled is read first: its own stall is not an outage.
    setImmediate(ring);
  };
  return {
    nowMs: () => performance.now(),
    set: (atMs) => {
      if (atMs === undefined) clear();
      // One that rings earlier does no harm, and setting a timer costs more than a call that finds nothing to do.
      if (atMs === undefined || dueMs <= atMs) return;
      clear();
      dueMs = atMs;
      timer = setTimeout(go, Math.max(0, Math.ceil(atMs - performance.now())));
      timer.unref();
    },
  };
};
