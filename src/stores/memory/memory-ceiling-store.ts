/** Ceilings in memory: the reference for the contract suite, and the authority of the protocol's model check. */
import { type CeilingEntry, decideRaise, decideRecovery, RECENT_MS } from '../../core/ceiling/ceiling-rule.ts';
import type {
  Ceiling,
  CeilingRaise,
  CeilingStore,
  RaiseOutcome,
  SequenceAccount,
} from '../../core/ceiling/ceiling-store.ts';
import type { Clock } from '../../core/clock.ts';
import type { Closure } from '../../core/values/closure.ts';
import { type SequenceId, sequenceKeyOf } from '../../core/values/sequence-id.ts';
import { listPeriodsAmong } from './period-listing.ts';

interface Stored {
  readonly entry: CeilingEntry;
  readonly account: SequenceAccount | undefined;
}

const BURIED_AFTER_MS = 3_600_000;

export const createMemoryCeilingStore = (clock: Clock): CeilingStore => {
  const sequences = new Map<string, Stored>();
  const closures = new Map<string, Closure>();
  /** Node → when it last said that it is there. */
  const nodes = new Map<string, number>();

  const read = (sequence: SequenceId): Ceiling | undefined => {
    const stored = sequences.get(sequenceKeyOf(sequence));
    return stored && { epoch: stored.entry.epoch, ceiling: stored.entry.ceiling, origin: stored.entry.origin };
  };

  const raiseOne = (raise: CeilingRaise): RaiseOutcome => {
    const key = sequenceKeyOf(raise.sequence);
    const stored = sequences.get(key);
    const { outcome, entry, replacesAccount } = decideRaise(stored?.entry, raise);
    if (entry !== undefined) {
      sequences.set(key, { entry, account: replacesAccount ? raise.account : stored?.account });
    }
    return outcome;
  };

  return {
    register: async (node) => {
      nodes.set(node, clock.now());
    },

    leave: async (node) => {
      nodes.delete(node);
    },

    bury: async () => {
      const silentSince = clock.now() - BURIED_AFTER_MS;
      const buried = [...nodes].filter(([, seenAt]) => seenAt < silentSince).map(([node]) => node);
      if (buried.length === 0) return [];
      for (const node of buried) nodes.delete(node);
      for (const [key, { entry, account }] of sequences) {
        sequences.set(key, { entry: { ...entry, base: entry.ceiling }, account });
      }
      return buried.sort();
    },

    read: async (sequence) => read(sequence),

    readMany: async (asked, node) => {
      for (const key of asked.map(sequenceKeyOf)) {
        const stored = sequences.get(key);
        if (stored === undefined) continue;
        const jumpedWithout = stored.entry.jumpedWithout.filter((one) => one !== node);
        sequences.set(key, { ...stored, entry: { ...stored.entry, jumpedWithout } });
      }
      return asked.map(read);
    },

    listPeriods: async (series, after, limit) => listPeriodsAmong(sequences.keys(), series, after, limit),

    raiseMany: async (raises) => raises.map(raiseOne),

    recover: async (request) => {
      const key = sequenceKeyOf(request.sequence);
      const stored = sequences.get(key);
      const recentSince = clock.now() - RECENT_MS;
      const missing = [...nodes]
        .filter(([node]) => !request.reported.includes(node))
        .map(([node, seenAt]) => ({ node, isRecent: seenAt >= recentSince, rejoins: true }))
        .sort((a, b) => (a.node < b.node ? -1 : 1));
      const decision = decideRecovery(stored?.entry, request, missing);
      if (decision.kind === 'refused') return decision.outcome;
      const { entry } = decision;
      const account = stored === undefined && entry.account ? { ...entry.account, gaps: [] } : stored?.account;
      sequences.set(key, { entry, account });
      const closure = closures.get(key);
      return { ...decision.outcome, account, ...(closure && { closure }) };
    },

    close: async (sequence, closure) => {
      const key = sequenceKeyOf(sequence);
      const first = closures.get(key) ?? closure;
      closures.set(key, first);
      return first;
    },

    checkHealth: async () => undefined,
  };
};
