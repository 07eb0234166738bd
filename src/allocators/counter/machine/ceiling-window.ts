/** How far above the counter the ceiling lies. */
import { VALUE_MAX } from '../../../core/values/value.ts';

export const VALUES_MIN = 10_000;
/** Room for the standby segments of several nodes, each at a distance of at least its own size. */
const STANDBY_SEGMENTS = 16;

/** However large the segments are: an offer that needs a higher ceiling asks for it. */
const STANDBY_ROOM_MAX = 65_536;

/** Values that may be taken before the ceiling has to be raised again; as many may be skipped by a recovery that jumps. */
export const ceilingWindow = (standbySize: number, valuesMin: number = VALUES_MIN): number =>
  Math.max(valuesMin, Math.min(STANDBY_SEGMENTS * standbySize, STANDBY_ROOM_MAX + standbySize));

/** The ceiling that lies `window` values above `value`; there are no values above u64 max. */
export const ceilingAbove = (value: bigint, window: number): bigint =>
  value + BigInt(window) > VALUE_MAX ? VALUE_MAX : value + BigInt(window);

/** A part of the values left, so that a jump above the ceiling does not use up a series that has a limit. */
const LEFT_PART = 8n;

/** The window for a sequence that stands at `value`. */
export const windowWithin = (window: number, value: bigint, limit: bigint): number => {
  const part = limit > value ? (limit - value) / LEFT_PART : 0n;
  return part < BigInt(window) ? Number(part) : window;
};
