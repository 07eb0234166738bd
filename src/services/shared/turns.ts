/** Work that must not overlap on this node: one piece after the other, with a limit to how many wait. */
import { StorageUnavailableError } from '../../core/errors.ts';

/** @throws StorageUnavailableError with `refusal` when too many wait. */
export type InTurn = <Result>(work: () => Promise<Result>) => Promise<Result>;

export const createTurns = (waitingMax: number, refusal: string): InTurn => {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    if (waiting >= waitingMax) throw new StorageUnavailableError(refusal);
    waiting += 1;
    const result = last.then(work, work);
    last = result.catch(() => undefined);
    return result.finally(() => {
      waiting -= 1;
    });
  };
};
