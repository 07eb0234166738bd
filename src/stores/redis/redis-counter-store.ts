/** The counter store on Redis: one run of `lua/reserve.lua` per trip, over whatever runs scripts. */
import type {
  AdvanceReply,
  AdvanceRequest,
  CounterCall,
  CounterReply,
  CounterStore,
} from '../../core/counter-store.ts';
import { decodeAdvance, decodeReply, encodeAdvance, encodeCall } from './reserve-codec.ts';
import { sequenceKeys } from './sequence-keys.ts';

/**
 * Runs `reserve.lua` once and returns its texts. Owns the connection: timeouts, NOSCRIPT, errors of the core.
 * On a cluster it may be called once per sequence, for the keys of one sequence share a slot.
 */
export type RunReserve = (keys: readonly string[], args: readonly string[]) => Promise<readonly string[]>;

export const createRedisCounterStore = (runReserve: RunReserve): CounterStore => ({
  exchange: async (calls: readonly CounterCall[]): Promise<readonly CounterReply[]> => {
    const keys: string[] = [];
    const args: string[] = [];
    for (const call of calls) {
      const { counter, state, gaps } = sequenceKeys(call.sequence);
      keys.push(counter, state, gaps);
      args.push(encodeCall(call));
    }
    const texts = await runReserve(keys, args);
    return texts.map(decodeReply);
  },

  advance: async (request: AdvanceRequest): Promise<AdvanceReply> => {
    const { counter, state, gaps } = sequenceKeys(request.sequence);
    const [text] = await runReserve([counter, state, gaps], [encodeAdvance(request)]);
    return decodeAdvance(text ?? '');
  },
});
