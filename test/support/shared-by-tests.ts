/** What the tests of a file, or of a `describe`, share: started before the first of them and ended after the last. */
import { afterAll, beforeAll } from 'vitest';

interface Closable {
  close(): Promise<unknown>;
}

/** @returns what `start` resolved with, as a constant: its members can be read from the first test on. `end` is for what has no `close`. */
export const sharedByTests = <Shared extends object>(
  start: () => Promise<Shared>,
  ...[end]: Shared extends Closable ? [] : [end: (shared: Shared) => Promise<unknown>]
): Shared => {
  let shared: Shared | undefined;
  beforeAll(async () => {
    shared = await start();
  });
  afterAll(async () => {
    if (shared === undefined) return;
    await (end === undefined ? (shared as unknown as Closable).close() : end(shared));
  });
  return new Proxy({} as Shared, {
    get: (_none, name) => {
      if (shared === undefined) throw new Error(`Read before the first test: ${String(name)}`);
      return Reflect.get(shared, name);
    },
  });
};
