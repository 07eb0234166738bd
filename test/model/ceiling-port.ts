/** The ceilings as a node reaches them: the memory store, behind a network that may lose an answer after the deed was done. */
import type { CeilingStore } from '../../src/core/ceiling/ceiling-store.ts';
import { ask } from './network.ts';
import { check, type ModelNode, tell, type World } from './world.ts';

export const createCeilingPort = (world: World, node: ModelNode): CeilingStore | undefined => {
  const { ceilings, timeline } = world;
  if (ceilings === undefined) return undefined;
  const put = <Reply>(text: string, execute: () => Promise<Reply>): Promise<Reply> =>
    ask(world, node, {
      text,
      isAway: () => timeline.nowMs < Math.max(world.ceilingsAwayUntilMs, node.cutOffUntilMs),
      execute,
    });
  const unused = (): never => {
    throw new Error('no part of the machine asks this');
  };
  return {
    register: (name) => {
      check(world, !node.isStruckOut, () => `${name} registers after it had itself struck out`);
      return put('register', () => ceilings.register(name));
    },
    leave: (name) => {
      node.isStruckOut = true;
      return put('leave', () => ceilings.leave(name));
    },
    bury: () => put('bury', () => ceilings.bury()),
    readMany: (sequences, name) => put('read', () => ceilings.readMany(sequences, name)),
    raiseMany: (raises) =>
      put('raise', async () => {
        const outcomes = await ceilings.raiseMany(raises);
        tell(world, () =>
          raises.map((raise, i) => `  raise ${raise.ceiling} base ${raise.base}: ${outcomes[i]?.kind}`).join('; '),
        );
        return outcomes;
      }),
    recover: (request) =>
      put('recover', async () => {
        const outcome = await ceilings.recover(request);
        tell(world, () => `  ${node.name} asks for the end of a recovery: ${told(outcome)}`);
        return outcome;
      }),
    read: unused,
    listPeriods: unused,
    close: unused,
    checkHealth: unused,
  };
};

const told = (outcome: unknown): string =>
  JSON.stringify(outcome, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
