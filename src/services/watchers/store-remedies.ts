/** What to look at while a store cannot be reached, as its connection said it last: for /health and the line at the start. */
import type { Listen } from '../../core/events/events.ts';

export interface StoreRemedies {
  readonly listen: Listen;
  /** Of the store of the counters; undefined while it is reachable, or nothing is known. */
  ofStore(): string | undefined;
  /** Of the store of the ceilings, likewise. */
  ofCeilings(): string | undefined;
}

export const createStoreRemedies = (): StoreRemedies => {
  let store: string | undefined;
  let ceilings: string | undefined;
  return {
    listen: ({ event }) => {
      if (event.type === 'store-disconnected') store = event.remedy;
      else if (event.type === 'store-connected') store = undefined;
      else if (event.type === 'ceiling-store-disconnected') ceilings = event.remedy;
      else if (event.type === 'ceiling-store-connected') ceilings = undefined;
    },
    ofStore: () => store,
    ofCeilings: () => ceilings,
  };
};
