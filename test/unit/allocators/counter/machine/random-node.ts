/** A node whose callers, clock and stores do anything that their ports allow, in any order: from one seed always the same. */

import type { Ask, Port, ReplyOf } from '../../../../../src/allocators/counter/machine/node-state.ts';
import { countWaiting } from '../../../../../src/allocators/counter/machine/waiters.ts';
import type { Ceiling, RaiseOutcome, RecoveryOutcome } from '../../../../../src/core/ceiling/ceiling-store.ts';
import type { CounterCall, CounterReply, Fence, StandbyAdvice } from '../../../../../src/core/counter/counter-call.ts';
import type { AccountReply, RaiseReply, ReportReply } from '../../../../../src/core/counter/counter-fence.ts';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { KEEP, type Machine, machineOn, type Requested } from '../../../fakes/machine-on.ts';

const AWAY = new StorageUnavailableError('away');
const TARGETS = ['A', 'B', 'C'].map((key) => targetOf(key, { standbySize: 5 }));

/** Numbers from 0 to 1, from one seed always the same (mulberry32). */
const createRandom = (seed: number) => {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  return { below, pick: <T>(items: readonly T[]): T => items[below(items.length)] as T };
};

type Random = ReturnType<typeof createRandom>;

const createStores = ({ below, pick }: Random, isFenced: boolean) => {
  let last = 0n;
  let epoch = 1n;
  const fenceOf = (): Fence => ({ epoch, ceiling: last + BigInt(below(30_000)), wanted: pick([0n, 0n, last + 9n]) });
  const fenced = <T extends object>(reply: T): T => (isFenced ? { ...reply, fence: fenceOf() } : reply);
  const advice = ({ call }: CounterCall): StandbyAdvice => {
    last += 10n;
    return pick([
      KEEP,
      KEEP,
      { kind: 'recall' },
      { kind: 'offer', segment: { first: last - 9n, last: last - 5n, offeredIn: call } },
    ]);
  };
  const takenBy = (count: number) => {
    const first = last + 1n;
    last += BigInt(count);
    return { first, last };
  };
  const refusals: readonly CounterReply[] = isFenced
    ? [{ kind: 'corrupt', reason: 'rubbish' }, { kind: 'forgotten' }, { kind: 'recovering' }]
    : [{ kind: 'corrupt', reason: 'rubbish' }];
  const served = (call: CounterCall): CounterReply => {
    if (call.receipt !== undefined) {
      const { fingerprint, atMs, series } = call.receipt;
      const receipt = { fingerprint, atMs, series, period: '', ranges: [takenBy(call.count)] };
      return fenced({ kind: 'receipt', receipt, replayed: below(9) === 0, standbyNear: below(5) === 0 } as const);
    }
    if (call.count === 0) return fenced({ kind: 'nothing', standby: advice(call) } as const);
    const range = takenBy(1 + below(call.count));
    return fenced({ kind: 'taken', range, returned: false, standby: advice(call) } as const);
  };
  const replyTo = (call: CounterCall, isKind: boolean): CounterReply => {
    if (isKind || below(4) > 0) return served(call);
    const ends: CounterReply[] = call.receipt ? [{ kind: 'conflict' }] : [{ kind: 'stale', lastCall: call.call + 1 }];
    const ceiling: CounterReply[] = isFenced ? [fenced({ kind: 'ceiling', value: last } as const)] : [];
    const over: CounterReply[] = [
      fenced({ kind: 'exhausted', valuesLeft: BigInt(below(3)), standby: KEEP } as const),
      fenced({ kind: 'closed', standby: KEEP } as const),
    ];
    return pick([...ends, ...refusals, ...(call.count > 0 ? [...ceiling, ...over] : [])]);
  };
  const waiting = (node: string): ReportReply => ({
    kind: 'waiting',
    recovery: { server: pick(['run1', 'run2']), time: String(below(3)) },
    sinceMs: below(20_000),
    epoch,
    ceiling: last,
    highest: last,
    reported: pick([[], [node], [node, 'other']]),
    missing: pick([[], ['other']]),
    ...(below(3) === 0 && { sworn: epoch + BigInt(below(3)) }),
  });
  const row = (): Ceiling | undefined =>
    below(6) === 0 ? undefined : { epoch: epoch - BigInt(below(5) === 0 ? 1 : 0), ceiling: last };

  /** @param isKind whether the stores do what is asked, so that everything comes to an end. */
  const answerOf = (ask: Ask, isKind: boolean): ReplyOf<Port> => {
    if (below(15) === 0) epoch += 1n;
    switch (ask.do) {
      case 'reserve':
        if (!isKind && below(30) === 0) return [];
        return ask.calls.map((call) => replyTo(call, isKind));
      case 'claim':
        return isKind || pick([true, true, false, { retryAfterMs: 9 }]);
      case 'report':
        return ask.reports.map((report): ReportReply => {
          if (epoch < report.epoch) epoch = report.epoch;
          if (isKind) return { kind: 'reported', fence: fenceOf() };
          return pick<ReportReply>([
            waiting(report.node),
            waiting(report.node),
            { kind: 'reported', fence: fenceOf() },
            { kind: 'recovering' },
            { kind: 'corrupt', reason: 'rubbish' },
          ]);
        });
      case 'read':
        return ask.readers.map(() => (isKind ? { epoch, ceiling: last } : row()));
      case 'recover':
        return pick<RecoveryOutcome>([
          {
            kind: 'granted',
            epoch: epoch + 1n,
            grantedSince: epoch + 1n,
            ceiling: last,
            base: last,
            jumpTo: pick([undefined, last]),
            account: undefined,
          },
          { kind: 'waiting', missing: pick([[], ['other']]) },
          { kind: 'superseded', current: { epoch, ceiling: last } },
          { kind: 'behind', current: row() },
        ]);
      case 'install':
      case 'propose':
        return isKind || below(2) === 0;
      case 'account':
        return ask.moves.map(() =>
          pick<AccountReply>([
            { kind: 'unserved' },
            { kind: 'account', account: { value: last, changes: 1, gaps: [] } },
            ...(isKind ? [] : [{ kind: 'corrupt', reason: 'rubbish' } as const]),
          ]),
        );
      case 'raise':
        return ask.raises.map(
          ({ ceiling }): RaiseOutcome =>
            isKind
              ? { kind: 'raised', ceiling }
              : pick<RaiseOutcome>([
                  { kind: 'raised', ceiling },
                  { kind: 'superseded', current: { epoch: epoch + 1n, ceiling } },
                  { kind: 'behind', current: row() },
                ]),
        );
      case 'enforce':
        return ask.ceilings.map(
          (move): RaiseReply =>
            isKind
              ? { kind: 'raised', fence: { ...move, wanted: 0n } }
              : pick<RaiseReply>([
                  { kind: 'raised', fence: { ...move, wanted: 0n } },
                  { kind: 'outrun' },
                  { kind: 'corrupt', reason: 'rubbish' },
                ]),
        );
      case 'bury':
        return pick([[], ['dead']]);
      case 'advance':
        return isKind
          ? { kind: 'advanced', from: 0n, to: ask.request.to }
          : pick([{ kind: 'recovering' }, { kind: 'ceiling', value: last }, { kind: 'closed' }] as const);
      case 'register':
      case 'unregister':
        return undefined;
    }
  };
  return { answerOf };
};

const answerAny = (
  machine: Machine,
  { below, pick }: Random,
  stores: ReturnType<typeof createStores>,
  isKind: boolean,
) => {
  const open = machine.openAll();
  if (open.length === 0) return;
  const ask = pick(open);
  if (!isKind && below(6) === 0) machine.fail(ask, AWAY);
  else machine.answer(ask as never, stores.answerOf(ask, isKind) as never);
};

export interface RandomLife {
  /** How the requests have ended, undefined for those that wait. */
  readonly requests: readonly Requested<unknown>[];
  /** Whether the number of those that wait, as the machine counts, was right after each step. */
  readonly isCountRight: boolean;
  readonly machine: Machine;
}

/** A node lives through `steps` events; then its stores become kind, it is closed, and everything is answered. */
export const liveAtRandom = (seed: number, steps: number): RandomLife => {
  const random = createRandom(seed);
  const { below, pick } = random;
  const isFenced = below(4) > 0;
  // Without it, sequences are still in use when a registration lapses.
  const hasIdleClock = below(2) === 0;
  const machine = machineOn({
    isFenced,
    keepsCeilings: isFenced && below(3) > 0,
    claimsKeys: below(3) === 0,
    hasReplicas: below(2) === 0,
    limits: {
      tickMs: hasIdleClock ? 400 : 10 ** 9,
      idleTicksMax: 2,
      renewMs: pick([1_000, 5_000_000]),
      queuesMax: pick([2, 9]),
      callEntriesMax: pick([2, 9]),
      waitingMax: pick([5, 50]),
      ceilingsMax: pick([1, 9]),
    },
  });
  const stores = createStores(random, isFenced);
  const requests: Requested<unknown>[] = [];
  const waiters: Requested<unknown>[] = [];
  let isCountRight = true;
  const target = () => ({
    ...pick(TARGETS),
    ...(below(20) === 0 && { isEnding: true as const }),
    initialSeq: BigInt(below(3)),
  });
  const actions: (() => unknown)[] = [
    () => waiters.push(machine.ask(target(), 1 + below(9))),
    () => waiters.push(machine.askKeyed(target(), 1 + below(9), `k${below(1_000)}`)),
    () =>
      machine.feed({
        kind: 'give-back',
        target: target(),
        ranges: [{ first: 500_000n + BigInt(requests.length), last: 500_000n + BigInt(requests.length) }],
      }),
    () => machine.feed({ kind: 'prepare', target: target() }),
    () => machine.feed({ kind: 'check', id: pick(TARGETS).sequence, target: below(2) === 0 ? target() : undefined }),
    () => machine.feed({ kind: 'recovery-began', id: pick(TARGETS).sequence }),
    () => machine.feed({ kind: 'reachable' }),
    () => machine.feed({ kind: 'replicas', hasReplicas: below(2) === 0 }),
    () => requests.push(machine.advance(target(), BigInt(below(10_000)))),
    () => machine.at(machine.nowMs() + below(below(hasIdleClock ? 40 : 8) === 0 ? 4_000_000 : 500)),
    () => machine.at(machine.nowMs() + below(100)),
    ...Array.from({ length: 20 }, () => () => answerAny(machine, random, stores, false)),
  ];
  for (let step = 0; step < steps; step += 1) {
    pick(actions)();
    const waiting = waiters.filter(({ outcome }) => outcome === undefined).length;
    isCountRight &&= countWaiting(machine.state) === waiting;
  }
  // Who closes a node has no request under way; what a key's claim leads to would come too late.
  for (const claim of machine.open('claim')) machine.answer(claim, true);
  machine.feed({ kind: 'close' });
  const isKindAtOnce = below(2) === 0;
  for (let step = 0; machine.endedMs() === undefined && step < 5_000; step += 1) {
    if (machine.openAll().length === 0 || below(4) === 0) machine.at(machine.nowMs() + 50);
    answerAny(machine, random, stores, isKindAtOnce || step > 60);
  }
  return { requests: [...waiters, ...requests], isCountRight, machine };
};
