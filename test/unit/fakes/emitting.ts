/** Hands events to one listener the way the service does, through the hub that gives them their circumstances. */
import { createEventHub } from '../../../src/core/events/event-hub.ts';
import type { Emit, Listen, NumberGeneratorEvent } from '../../../src/core/events/events.ts';

export const emittingTo = (listener: Listen): Emit => {
  const { emit, listen } = createEventHub({ clock: { now: () => 1_000 }, node: 'n1' });
  listen(listener);
  return emit;
};

/** An `emit` that keeps each event with who asked for it and in which request, where somebody did. */
export const keepingIn =
  (events: NumberGeneratorEvent[]): Emit =>
  (event, caller) => {
    events.push({ ...event, ...(caller && { by: caller.subject, requestId: caller.requestId }) });
  };
