/** Work that is long but small: what it leaves behind is collected before it has grown large. */
import { getHeapSpaceStatistics } from 'node:v8';

/** @returns bytes in use among V8's old objects, garbage included. */
const readOldBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0;

/**
 * V8 collects old objects when their number has doubled or so, which in a process that holds little may be 200 MB of garbage later:
 * right for a server that needs its time for requests, wrong for one that was given little memory. A collection stops the process
 * for about 10 ms.
 * @param bytesMax how much more there may be among the old objects than after the last collection.
 * @param collect what `node --expose-gc` offers; undefined, without that: V8 decides alone.
 * @returns to be called now and then, where nothing large is held; takes some microseconds.
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
