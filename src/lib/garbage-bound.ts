/** Bounds the garbage of long work in small steps, by collecting it early. */
import { getHeapSpaceStatistics } from 'node:v8';

/** @returns bytes in use among V8's old objects, garbage included. */
const readOldBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0;

/**
 * V8 collects old objects when their size has about doubled, which allows much garbage in a process that holds little:
 * right for a server that needs its time for requests, wrong for one with little memory. A collection stops the process
 * for a moment (docs/measurements.md).
 * @param bytesMax growth of the old objects that starts a collection.
 * @param collect from `node --expose-gc`; without it V8 decides alone.
 * @returns a function to call where nothing large is held.
 */
export const createGarbageBound = (
  bytesMax: number,
  collect: (() => unknown) | undefined = globalThis.gc,
  readBytes: () => number = readOldBytes,
): (() => void) => {
  let keptBytes = readBytes();
  return () => {
    if (collect === undefined || readBytes() <= keptBytes + bytesMax) return;
    collect();
    keptBytes = readBytes();
  };
};
