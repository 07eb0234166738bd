/** Waiting for a condition, instead of for a time. */
import { setTimeout as delay } from 'node:timers/promises';

const WAIT_MS = 30_000;
export const POLL_MS = 20;

/** Resolves when the condition holds. @throws after `waitMs` (default: 30 s), with what was awaited. */
export const until = async (
  what: string,
  holds: () => boolean | Promise<boolean>,
  waitMs: number = WAIT_MS,
): Promise<void> => {
  const deadline = performance.now() + waitMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Not within ${waitMs} ms: ${what}`);
    await delay(POLL_MS);
  }
};
