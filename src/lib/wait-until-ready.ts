/** Waits until something can serve, and says once, after a while, why it cannot yet. */
import { setTimeout as delay } from 'node:timers/promises';

interface WaitOptions {
  /** How long it may take before `onLate` is called, ms. */
  readonly warningMs: number;
  /** Called once, with the last reason. */
  readonly onLate: (reason: string) => void;
}

const POLL_MS = 100;
/** While it is late there is no hurry. */
const LATE_POLL_MS = 1_000;

/**
 * Resolves as soon as `check` does, with the milliseconds that took. Retries without end, and does not keep the process
 * alive.
 * @param check rejects with an Error whose message is the reason.
 */
export const waitUntilReady = async (
  check: () => Promise<void>,
  { warningMs, onLate }: WaitOptions,
): Promise<number> => {
  const fromMs = performance.now();
  for (let late = false; ; ) {
    try {
      await check();
      return performance.now() - fromMs;
    } catch (error) {
      if (!late && performance.now() - fromMs >= warningMs) {
        late = true;
        onLate(error instanceof Error ? error.message : String(error));
      }
    }
    await delay(late ? LATE_POLL_MS : POLL_MS, undefined, { ref: false });
  }
};
