/** The servers of a history: each with keys and an identity of its own; they can forget, restart, be copied and come back. */

import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { createRedisKeys, type SequenceKeys } from '../../src/stores/redis/codecs/redis-keys.ts';
import type { ScriptRunner, Stored } from './script-runner.ts';

export interface ModelServer {
  readonly keys: SequenceKeys;
  /** Earlier states of it, as a backup or a lagging replica would have them. */
  readonly memories: Stored[];
}

let identities = 0;

/** Gives a server a new identity, as a restart does. */
export const restart = (runner: ScriptRunner, { keys }: ModelServer): Promise<void> =>
  runner.identify(keys, `run${++identities}`);

export const startServer = async (runner: ScriptRunner, name: string): Promise<ModelServer> => {
  const keys = createRedisKeys('').ofSequence(sequenceOf(seriesOf(name), name.length % 2 ? '2026' : ''));
  const server = { keys, memories: [] };
  await restart(runner, server);
  return server;
};

/** Keeps a copy of what the server knows now, if it knows anything. */
export const remember = async (runner: ScriptRunner, server: ModelServer): Promise<void> => {
  const state = await runner.read(server.keys);
  if (state.counter !== null) server.memories.push(state);
};
