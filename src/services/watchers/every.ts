/** Looking again and again, as the watchers do. */

/** Looks every `intervalMs`, never twice at a time; it keeps no process alive. @returns what ends it. */
export const every = (intervalMs: number, look: () => Promise<void>): (() => void) => {
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
};
