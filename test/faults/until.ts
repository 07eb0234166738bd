/** Waiting for a condition, instead of for a time. */
import { setTimeout as delay } from 'node:timers/promises';

const WAIT_MS = 30_000;
export const POLL_MS = 20;

/** Resolves when the condition holds. @throws after 30 s, with what was awaited. */
export const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + WAIT_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Not within ${WAIT_MS} ms: ${what}`);
    await delay(POLL_MS);
  }
};
