/** Performing what the machine wants: each question is one call of one port with its argument, and ends in one event. */
import { describe, expect, test } from 'vitest';
import type { NodeEvent } from '../../../../src/allocators/counter/machine/node.ts';
import type { Ask, Effect, Port } from '../../../../src/allocators/counter/machine/node-state.ts';
import { createRequest } from '../../../../src/allocators/counter/machine/waiters.ts';
import { createPerformer } from '../../../../src/allocators/counter/perform.ts';
import type { CeilingStore } from '../../../../src/core/ceiling/ceiling-store.ts';
import type { CounterStore } from '../../../../src/core/counter/counter-store.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import { targetOf } from '../../fakes/allocator-on.ts';
import { turn } from '../../fakes/held-counter-store.ts';
import { allocationTicket, ticketOf } from '../../fakes/machine-on.ts';

interface Called {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** Stores whose every method notes its call, and ends as `end` says; and a performer on them. */
const performerOn = (end: () => unknown, { hasPorts = true } = {}) => {
  const calls: Called[] = [];
  const noting = (floor: string): never =>
    new Proxy(
      {},
      {
        get: (_target, name) => {
          if (floor === 'store' && name === 'fence') return hasPorts ? noting('fence') : undefined;
          if (name === 'claim' && !hasPorts) return undefined;
          return (...args: unknown[]) => {
            calls.push({ method: `${floor}.${String(name)}`, args });
            return end();
          };
        },
      },
    ) as never;
  const fed: NodeEvent[] = [];
  const events: NumberGeneratorEvent[] = [];
  const ended: true[] = [];
  const perform = createPerformer({
    store: noting('store') as CounterStore,
    ceilings: hasPorts ? (noting('ceilings') as CeilingStore) : undefined,
    emit: (event) => events.push(event),
    feed: (event) => fed.push(event),
    onEnd: () => ended.push(true),
  });
  return { perform, calls, fed, events, ended };
};

const A = targetOf('A').sequence;
const B = targetOf('B').sequence;
const ONE = { one: 1 };

/** Each question, the method it calls, and the argument that this is given. */
const QUESTIONS: Readonly<Record<Port, readonly [ask: object, method: string, argument: readonly unknown[]]>> = {
  reserve: [{ entries: [], calls: [ONE] }, 'store.reserve', [[ONE]]],
  claim: [{ waiter: { receipt: ONE } }, 'store.claim', [ONE]],
  report: [{ sequences: [], reports: [ONE] }, 'fence.report', [[ONE]]],
  read: [{ readers: [{ id: A }, { id: B }], node: 'n1' }, 'ceilings.readMany', [[A, B], 'n1']],
  recover: [{ request: ONE }, 'ceilings.recover', [ONE]],
  install: [{ install: ONE }, 'fence.install', [ONE]],
  account: [
    {
      moves: [
        { id: A, fence: { epoch: 3n } },
        { id: B, fence: { epoch: 4n } },
      ],
    },
    'fence.accountMany',
    [
      [A, B],
      [3n, 4n],
    ],
  ],
  raise: [{ moves: [], raises: [ONE] }, 'ceilings.raiseMany', [[ONE]]],
  propose: [{ ceiling: ONE }, 'fence.propose', [ONE]],
  enforce: [{ moves: [], ceilings: [ONE] }, 'fence.raiseMany', [[ONE]]],
  register: [{ node: 'node' }, 'ceilings.register', ['node']],
  bury: [{ node: 'node' }, 'ceilings.bury', []],
  unregister: [{ node: 'node' }, 'ceilings.leave', ['node']],
  advance: [{ request: ONE }, 'store.advance', [ONE]],
};
const PORTS = Object.entries(QUESTIONS).map(([port, [ask, method, argument]]) => ({
  port: port as Port,
  ask: { do: port, ...ask } as Ask,
  method,
  argument,
}));

describe.each(PORTS)('the question $port', ({ port, ask, method, argument }) => {
  test('is one call, sent before perform returns, and its answer is one event', async () => {
    const { perform, calls, fed } = performerOn(() => Promise.resolve('the reply'));
    perform(ask);
    expect([calls, fed]).toEqual([[{ method, args: argument }], []]);
    await turn();
    expect(fed).toEqual([{ kind: 'answered', of: port, ask, reply: 'the reply' }]);
    expect((fed[0] as { ask: unknown }).ask).toBe(ask);
    expect(calls).toHaveLength(1);
  });

  test('that fails is one event with the error', async () => {
    const error = new Error('no');
    const { perform, fed } = performerOn(() => Promise.reject(error));
    perform(ask);
    await turn();
    expect(fed).toEqual([{ kind: 'failed', ask, error }]);
  });

  test('to a port that throws at once fails too, but not while the effects of the step are being performed', async () => {
    const error = new Error('no');
    const { perform, fed } = performerOn(() => {
      throw error;
    });
    perform(ask);
    expect(fed).toEqual([]);
    await turn();
    expect(fed).toEqual([{ kind: 'failed', ask, error }]);
  });
});

describe('a port that is not there', () => {
  const absent = PORTS.filter(({ port }) => !['reserve', 'advance', 'claim'].includes(port));

  test.each(absent)('fails the question $port', async ({ ask }) => {
    const { perform, fed } = performerOn(() => Promise.resolve(), { hasPorts: false });
    perform(ask);
    await turn();
    const error = expect.objectContaining({ message: 'a port was asked that is not there' });
    expect(fed).toEqual([{ kind: 'failed', ask, error }]);
  });

  test('takes every key where none are claimed', async () => {
    const { perform, fed } = performerOn(() => Promise.resolve(), { hasPorts: false });
    perform(PORTS.find(({ port }) => port === 'claim')?.ask as Ask);
    await turn();
    expect(fed).toMatchObject([{ kind: 'answered', of: 'claim', reply: true }]);
  });
});

describe('an answer', () => {
  const perform = (effect: Effect) => {
    const parts = performerOn(() => Promise.resolve());
    parts.perform(effect);
    return parts;
  };

  test('with values goes to each request', () => {
    const tickets = [allocationTicket(), allocationTicket()];
    const waiters = tickets.map((ticket, index) => ({
      ...createRequest(ticket, targetOf('INV'), 1),
      ranges: [{ first: BigInt(index), last: 2n }],
    }));
    const { calls } = perform({ do: 'serve', waiters, fromStandby: true });
    expect([tickets.map(({ outcome }) => outcome), calls]).toEqual([['0-2*', '1-2*'], []]);
  });

  test('with a receipt says whether it was there before', () => {
    const receipt = { fingerprint: 'f', atMs: 0, series: '', period: '', ranges: [] };
    const ticket = ticketOf((told: unknown) => told);
    perform({ do: 'serve-keyed', ticket, receipt, replayed: true });
    expect(ticket.outcome).toEqual({ receipt, replayed: true });
  });

  test('to an operator goes to the operator', () => {
    const ticket = ticketOf((told: unknown) => told);
    const reply = { kind: 'behind', current: 9n } as const;
    perform({ do: 'serve-advance', ticket, reply });
    expect(ticket.outcome).toEqual(reply);
  });

  test.each(['refuse', 'refuse-advance'] as const)('of the kind %s rejects with the error itself', (kind) => {
    const ticket = ticketOf((told: unknown) => told);
    const error = new Error('no');
    perform({ do: kind, ticket, error });
    expect(ticket.outcome).toBe(error);
  });

  test('that is an event is emitted, and the end is told, each once', () => {
    const { perform: act, events, ended, fed } = performerOn(() => Promise.resolve());
    act({ do: 'emit', event: { type: 'store-returned' } });
    act({ do: 'end' });
    expect([events, ended, fed]).toEqual([[{ type: 'store-returned' }], [true], []]);
  });
});
