/** Does what the machine wants: each question is one call of one port, and its outcome goes back as one event. */
import type { CeilingStore } from '../../core/ceiling/ceiling-store.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import type { Emit } from '../../core/events/events.ts';
import type { NodeEvent } from './machine/node.ts';
import type { Answered, Ask, AskOf, Effect, Port, ReplyOf } from './machine/node-state.ts';

type PortCalls = { readonly [P in Port]: (ask: AskOf<P>) => Promise<ReplyOf<P>> };

/** The machine asks no port that is not there: see `NodeOptions`. */
const required = <T>(port: T | undefined): T => {
  if (port === undefined) throw new Error('a port was asked that is not there');
  return port;
};

const createPortCalls = (store: CounterStore, ceilings: CeilingStore | undefined): PortCalls => ({
  reserve: ({ calls }) => store.reserve(calls),
  claim: ({ waiter }) => store.claim?.(waiter.receipt) ?? Promise.resolve(true),
  report: ({ reports }) => required(store.fence).report(reports),
  read: ({ readers, node }) =>
    required(ceilings).readMany(
      readers.map(({ id }) => id),
      node,
    ),
  recover: ({ request }) => required(ceilings).recover(request),
  install: ({ install }) => required(store.fence).install(install),
  account: ({ moves }) =>
    required(store.fence).accountMany(
      moves.map(({ id }) => id),
      moves.map(({ fence }) => fence.epoch),
    ),
  raise: ({ raises }) => required(ceilings).raiseMany(raises),
  propose: ({ ceiling }) => required(store.fence).propose(ceiling),
  enforce: ({ ceilings }) => required(store.fence).raiseMany(ceilings),
  register: ({ node }) => required(ceilings).register(node),
  bury: () => required(ceilings).bury(),
  unregister: ({ node }) => required(ceilings).leave(node),
  advance: ({ request }) => store.advance(request),
});

export interface PerformerParts {
  readonly store: CounterStore;
  readonly ceilings: CeilingStore | undefined;
  readonly emit: Emit;
  /** Takes in the outcome of a question. Never called while an effect is being performed. */
  readonly feed: (event: NodeEvent) => void;
  /** The node has ended. */
  readonly onEnd: () => void;
}

/** What the effects come down to, beside the answers to requests, which go to their tickets. */
export interface Deeds extends Pick<PerformerParts, 'emit' | 'onEnd'> {
  readonly ask: (question: Ask) => void;
}

export const performEffect = (effect: Effect, { ask, emit, onEnd }: Deeds): void => {
  switch (effect.do) {
    case 'serve':
      for (const { ticket, ranges } of effect.waiters) ticket.resolve({ ranges, fromStandby: effect.fromStandby });
      break;
    case 'serve-keyed':
      effect.ticket.resolve({ receipt: effect.receipt, replayed: effect.replayed });
      break;
    case 'serve-advance':
      effect.ticket.resolve(effect.reply);
      break;
    case 'refuse':
    case 'refuse-advance':
      effect.ticket.reject(effect.error);
      break;
    case 'emit':
      emit(effect.event);
      break;
    case 'end':
      onEnd();
      break;
    default:
      ask(effect);
  }
};

/** @returns performs one effect; a question is sent before that returns. */
export const createPerformer = ({ store, ceilings, emit, feed, onEnd }: PerformerParts) => {
  const ports = createPortCalls(store, ceilings);

  const ask = async (question: Ask): Promise<void> => {
    let event: NodeEvent;
    try {
      const call = ports[question.do] as (ask: Ask) => Promise<unknown>;
      event = { kind: 'answered', of: question.do, ask: question, reply: await call(question) } as Answered;
    } catch (error) {
      event = { kind: 'failed', ask: question, error };
      // A port that throws at once must wait, too, until the other effects of the step have been performed.
      await Promise.resolve();
    }
    feed(event);
  };
  const deeds: Deeds = { ask: (question) => void ask(question), emit, onEnd };

  return (effect: Effect): void => performEffect(effect, deeds);
};
