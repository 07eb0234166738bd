/** Wraps the events of the lower floors in their envelopes and passes them on to the listeners. */
import type { Clock } from '../clock.ts';
import { DEFAULT_WORKSPACE } from '../values/sequence-id.ts';
import type { Emit, Listen } from './events.ts';

export interface EventHub {
  /** Hands an event to all listeners, in the order in which they came. */
  readonly emit: Emit;
  listen(listener: Listen): void;
}

/** @param node the name of this process, which no other has: ids of events begin with it. */
export const createEventHub = ({ clock, node }: { readonly clock: Clock; readonly node: string }): EventHub => {
  const listeners: Listen[] = [];
  let emitted = 0;
  return {
    emit: (event, caller) => {
      emitted += 1;
      const envelope = {
        id: `${node}-${emitted}`,
        atMs: clock.now(),
        actor: caller?.subject,
        requestId: caller?.requestId,
        workspace: DEFAULT_WORKSPACE,
        event,
      };
      for (const listener of listeners) listener(envelope);
    },
    listen: (listener) => {
      listeners.push(listener);
    },
  };
};
