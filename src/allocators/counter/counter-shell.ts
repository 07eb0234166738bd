/** Runs the machine of a node: feeds it events, performs what it wants, and wakes it in time. It decides nothing. */
import type { CeilingStore } from '../../core/ceiling/ceiling-store.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import type { Emit } from '../../core/events/events.ts';
import { type Alarm, createAlarm } from './alarm.ts';
import { COUNTER_LIMITS, type CounterLimits } from './machine/counter-limits.ts';
import { type NodeEvent, step, wakeAtMs } from './machine/node.ts';
import { createNodeState, type Effect, type NodeState } from './machine/node-state.ts';
import { createPerformer } from './perform.ts';

export interface CounterShellOptions {
  readonly store: CounterStore;
  /** Names this process: fresh and random at each start. */
  readonly node: string;
  readonly emit: Emit;
  /** Keeps the ceilings, and knows the nodes; without it the store does so itself. */
  readonly ceilings?: CeilingStore | undefined;
  /** Whether replicas of the store can confirm a ceiling. */
  readonly hasReplicas?: () => boolean;
  readonly limits?: Partial<CounterLimits>;
  /** A simulation has one of its own, in virtual time. */
  readonly createAlarm?: (ring: () => void) => Alarm;
}

export interface CounterShell {
  /** For readers. */
  readonly state: NodeState;
  nowMs(): number;
  /** Takes an event in. The calls that follow from it are sent before this returns. */
  feed(event: NodeEvent): void;
  /** Resolves when the machine has ended, after the event `close`. */
  readonly ended: Promise<void>;
}

export const createCounterShell = (options: CounterShellOptions): CounterShell => {
  const { store, node, emit, ceilings, hasReplicas = () => false } = options;
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<void>();
  const alarm = (options.createAlarm ?? createAlarm)(() => feed({ kind: 'woke' }));
  const state = createNodeState(
    {
      node,
      limits: { ...COUNTER_LIMITS, ...options.limits },
      isFenced: store.fence !== undefined,
      keepsCeilings: store.fence !== undefined && ceilings !== undefined,
      claimsKeys: store.claim !== undefined,
      hasReplicas: hasReplicas(),
    },
    alarm.nowMs(),
  );
  const take = (event: NodeEvent): void => {
    // A request only joins the line while a trip is under way, and most do: they spare the clock.
    const joins = event.kind === 'request' && state.trip !== undefined;
    const effects = step(state, event, joins ? state.nowMs : alarm.nowMs());
    for (let index = 0; index < effects.length; index += 1) perform(effects[index] as Effect);
  };
  const feed = (event: NodeEvent): void => {
    const replicas = hasReplicas();
    if (replicas !== state.hasReplicas) take({ kind: 'replicas', hasReplicas: replicas });
    take(event);
    alarm.set(wakeAtMs(state));
  };
  const perform = createPerformer({ store, ceilings, emit, feed, onEnd });
  alarm.set(wakeAtMs(state));
  store.onReachable(() => feed({ kind: 'reachable' }));
  store.fence?.onRecovery((id) => feed({ kind: 'recovery-began', id }));

  return { state, nowMs: alarm.nowMs, feed, ended };
};
