/** Where the events of the lower floors arrive, and who listens to them. */
import type { Emit } from './events.ts';

export interface EventHub {
  /** Hands an event to all listeners, in the order in which they came. */
  readonly emit: Emit;
  listen(listener: Emit): void;
}

export const createEventHub = (): EventHub => {
  const listeners: Emit[] = [];
  return {
    emit: (event) => {
      for (const listener of listeners) listener(event);
    },
    listen: (listener) => {
      listeners.push(listener);
    },
  };
};
