/** The machine of one node, driven by hand in virtual time: events in, effects out, and every question is answered by the test. */
import type { Allocation, AllocationTarget, KeyedAllocation } from '../../../src/allocators/allocator.ts';
import { COUNTER_LIMITS, type CounterLimits } from '../../../src/allocators/counter/machine/counter-limits.ts';
import { type NodeEvent, step, wakeAtMs } from '../../../src/allocators/counter/machine/node.ts';
import {
  type Answered,
  type Ask,
  type AskOf,
  createNodeState,
  type NodeOptions,
  type Port,
  type ReplyOf,
} from '../../../src/allocators/counter/machine/node-state.ts';
import type { Sequence } from '../../../src/allocators/counter/machine/sequence.ts';
import { createRequest, type Ticket } from '../../../src/allocators/counter/machine/waiters.ts';
import { type Deeds, performEffect } from '../../../src/allocators/counter/perform.ts';
import type { AdvanceReply, CounterReply, Fence, StandbyAdvice } from '../../../src/core/counter/counter-call.ts';
import type { NumberGeneratorEvent } from '../../../src/core/events/events.ts';
import type { Range } from '../../../src/core/values/range.ts';

export const KEEP: StandbyAdvice = { kind: 'keep' };

/** Far above all that a test takes, so that no ceiling has to move. */
export const FENCE: Fence = { epoch: 1n, ceiling: 1_000_000n, wanted: 0n };

export const offer = (first: bigint, last: bigint, offeredIn = 1): StandbyAdvice => ({
  kind: 'offer',
  segment: { first, last, offeredIn },
});

interface ReplyParts {
  readonly standby?: StandbyAdvice;
  readonly fence?: Fence;
}

export const taken = (first: bigint, last: bigint, { standby = KEEP, fence }: ReplyParts = {}): CounterReply => ({
  kind: 'taken',
  range: { first, last },
  returned: false,
  standby,
  ...(fence && { fence }),
});

export const nothing = ({ standby = KEEP, fence }: ReplyParts = {}): CounterReply => ({
  kind: 'nothing',
  standby,
  ...(fence && { fence }),
});

/** The ranges as `first-last`, those with values of the standby with a star. */
const textOf = (ranges: readonly Range[], fromStandby = false): string =>
  ranges.map(({ first, last }) => `${first}-${last}`).join(' ') + (fromStandby ? '*' : '');

/** How a request has ended; undefined while it waits. */
export interface Requested<Told> {
  readonly outcome: Told | Error | undefined;
}

/** A ticket that keeps what it is told. @throws Error when a request is answered twice. */
export const ticketOf = <Outcome, Told>(tell: (outcome: Outcome) => Told): Ticket<Outcome> & Requested<Told> => {
  const told: (Told | Error)[] = [];
  const note = (outcome: Told | Error): void => {
    if (told.push(outcome) > 1) throw new Error('a request was answered twice');
  };
  return {
    resolve: (outcome) => note(tell(outcome)),
    reject: (error) => note(error as Error),
    get outcome() {
      return told[0];
    },
  };
};

export const allocationTicket = () =>
  ticketOf(({ ranges, fromStandby }: Allocation): string => textOf(ranges, fromStandby));

export interface MachineOptions extends Partial<Omit<NodeOptions, 'limits'>> {
  readonly limits?: Partial<CounterLimits>;
}

interface Begun extends ReplyParts {
  /** The node is given everything up to it. */
  readonly last?: bigint;
}

/** Steps at one moment, after which the machine runs in a circle. */
const STEPS_MAX = 20_000;

export const machineOn = ({ limits, ...options }: MachineOptions = {}) => {
  const state = createNodeState(
    {
      node: 'node',
      isFenced: options.keepsCeilings ?? false,
      keepsCeilings: false,
      claimsKeys: false,
      hasReplicas: false,
      ...options,
      limits: { ...COUNTER_LIMITS, ...limits },
    },
    0,
  );
  const open = new Set<Ask>();
  /** Every question, in order. */
  const asked: { readonly atMs: number; readonly ask: Ask }[] = [];
  const events: NumberGeneratorEvent[] = [];
  const responders = new Map<Port, (ask: never) => unknown>();
  const clock = { nowMs: 0, steps: 0, endedMs: undefined as number | undefined };

  const deeds: Deeds = {
    ask: (ask) => {
      open.add(ask);
      asked.push({ atMs: clock.nowMs, ask });
    },
    emit: (event) => events.push(event),
    onEnd: () => {
      clock.endedMs = clock.nowMs;
    },
  };

  const feed = (event: NodeEvent): void => {
    clock.steps += 1;
    if (clock.steps > STEPS_MAX) throw new Error('the machine runs in a circle');
    for (const effect of step(state, event, clock.nowMs)) performEffect(effect, deeds);
    for (const ask of open) {
      const reply = responders.get(ask.do)?.(ask as never);
      if (reply instanceof Error) fail(ask, reply);
      else if (responders.has(ask.do)) answer(ask, reply as never);
    }
  };

  const close = (ask: Ask): void => {
    if (!open.delete(ask)) throw new Error(`the question ${ask.do} has ended already`);
  };
  const answer = <P extends Port>(ask: AskOf<P>, reply: ReplyOf<P>): void => {
    close(ask as Ask);
    feed({ kind: 'answered', of: ask.do, ask, reply } as unknown as Answered);
  };
  const fail = (ask: Ask, error: unknown): void => {
    close(ask);
    feed({ kind: 'failed', ask, error });
  };
  const openOf = <P extends Port>(port: P): AskOf<P>[] =>
    [...open].filter((ask) => ask.do === port) as unknown as AskOf<P>[];
  /** The open question to a port that was asked first. */
  const take = <P extends Port>(port: P): AskOf<P> => {
    const [ask] = openOf(port);
    if (ask === undefined) throw new Error(`${port} is not asked; open: ${[...open].map((other) => other.do)}`);
    return ask;
  };
  const reply = <P extends Port>(port: P, given: ReplyOf<P>): void => answer(take(port), given);
  const refuse = (port: Port, error: unknown): void => fail(take(port) as Ask, error);

  /** Lets time pass up to `ms`; the machine is woken whenever it wants to be. */
  const at = (ms: number): void => {
    clock.steps = 0;
    for (;;) {
      const wakeMs = wakeAtMs(state);
      if (wakeMs === undefined || wakeMs > ms) break;
      if (wakeMs > clock.nowMs) clock.steps = 0;
      clock.nowMs = Math.max(clock.nowMs, wakeMs);
      feed({ kind: 'woke' });
    }
    clock.nowMs = ms;
  };

  const ask = (target: AllocationTarget, count: number): Requested<string> => {
    const ticket = allocationTicket();
    feed(createRequest(ticket, target, count));
    return ticket;
  };
  const askKeyed = (target: AllocationTarget, count: number, hash: string): Requested<string> => {
    const ticket = ticketOf(
      ({ receipt, replayed }: KeyedAllocation): string => (replayed ? '=' : '') + textOf(receipt.ranges),
    );
    const receipt = { hash, fingerprint: 'f', atMs: 0, series: '' };
    feed({ kind: 'keyed-request', ticket, target, count, receipt });
    return ticket;
  };
  const advance = (target: AllocationTarget, to: bigint): Requested<AdvanceReply> => {
    const ticket = ticketOf((told: AdvanceReply): AdvanceReply => told);
    feed({ kind: 'advance', ticket, target, operation: 'operation-1', to });
    return ticket;
  };

  const sequenceOf = ({ name }: Pick<AllocationTarget, 'name'>): Sequence => {
    const sequence = state.sequences.get(name);
    if (sequence === undefined) throw new Error(`${name} is not open`);
    return sequence;
  };
  /** Opens a sequence, and has it served: this node was given everything from 1 to `last`, and has issued it. */
  const begin = (target: AllocationTarget, parts: Begun = {}): Sequence => {
    const { last = 1n, standby, fence = state.isFenced ? FENCE : undefined } = parts;
    ask(target, Number(last));
    if (openOf('register').length > 0) reply('register', undefined);
    if (state.keepsCeilings) reply('read', [fence]);
    reply('reserve', [taken(1n, last, { ...(standby && { standby }), ...(fence && { fence }) })]);
    return sequenceOf(target);
  };

  return {
    state,
    events,
    asked,
    feed,
    answer,
    fail,
    take,
    open: openOf,
    /** Every question that is open. */
    openAll: (): Ask[] => [...open],
    reply,
    refuse,
    at,
    ask,
    askKeyed,
    advance,
    begin,
    sequenceOf,
    nowMs: () => clock.nowMs,
    endedMs: () => clock.endedMs,
    /** Every question to the port is answered so at once, those that are open too; an Error fails it. */
    respond: <P extends Port>(port: P, responder: NoInfer<(ask: AskOf<P>) => ReplyOf<P> | Error> | undefined): void => {
      if (responder === undefined) responders.delete(port);
      else responders.set(port, responder as (ask: never) => unknown);
      if (openOf(port).length > 0) feed({ kind: 'woke' });
    },
    /** The questions to a port so far, in order. */
    askedOf: <P extends Port>(port: P): AskOf<P>[] =>
      asked.filter(({ ask: one }) => one.do === port).map(({ ask: one }) => one as unknown as AskOf<P>),
    /** When the questions to a port were asked. */
    timesOf: (port: Port): number[] => asked.filter(({ ask: one }) => one.do === port).map(({ atMs }) => atMs),
    typesOf: (): string[] => events.map(({ type }) => type),
  };
};

export type Machine = ReturnType<typeof machineOn>;
