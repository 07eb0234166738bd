/** Watches the clock of this machine: one that is years behind would date numbers wrongly. */
import { type Clock, clockProblemOf } from '../../core/clock.ts';
import type { Emit } from '../../core/events/events.ts';
import type { Finding } from '../../core/events/finding.ts';
import { every } from './every.ts';

export interface ClockWatcher {
  /** What is wrong now; undefined when nothing is. */
  finding(): Finding | undefined;
  /** Compares the clocks and emits what has changed; runs every 10 s anyway. */
  look(): void;
  close(): void;
}

const LOOK_INTERVAL_MS = 10_000;
const REMEDY = 'Set the clock, and let it be kept right (NTP); this node notices by itself.';

export const createClockWatcher = (clock: Clock, emit: Emit): ClockWatcher => {
  let isTold = false;
  const finding = (): Finding | undefined => {
    const detail = clockProblemOf(clock.now());
    return detail === undefined
      ? undefined
      : { severity: 'error', subject: 'clock', detail, remedy: REMEDY, servers: [] };
  };
  const look = (): void => {
    const found = finding();
    if (found !== undefined && !isTold) emit({ type: 'store-finding', finding: found });
    if (found === undefined && isTold) emit({ type: 'store-finding-cleared', subject: 'clock' });
    isTold = found !== undefined;
  };
  look();
  return { finding, look, close: every(LOOK_INTERVAL_MS, async () => look()) };
};
