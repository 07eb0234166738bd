/** The report of a node to a store that may have lost its latest state, and what the answer changes. */
import type { CounterReport, ReportReply } from '../../../core/counter/counter-fence.ts';
import type { CallTerms } from '../../allocator.ts';
import { initialSeqOf } from './session-floor.ts';
import { type CounterSession, isOutdated, owesReport, type SessionState, swear, windowOf } from './session-state.ts';
import { listTaken } from './taken-history.ts';

/** The highest value given or held at all. */
export const topOf = ({ standby, history, seen }: CounterSession): bigint =>
  [...history.ranges, ...(standby.segment ? [standby.segment] : [])].reduce(
    (top, { last }) => (last > top ? last : top),
    seen,
  );

export const makeReport = (state: CounterSession, terms: CallTerms): CounterReport => ({
  sequence: state.sequence,
  node: state.node,
  settled: state.settled,
  settledEpoch: state.settledEpoch,
  pending: state.pending?.call ?? 0,
  epoch: state.epoch,
  sworn: state.standing === 'sworn',
  recovery: state.recovery,
  seen: state.seen,
  holding: state.standby.segment,
  top: topOf(state),
  // A store that has served the pending call has what that gives back in a list of its own, and must not believe it is in hand.
  last: (state.pending?.returned.length ?? 0) > 0 ? undefined : state.last,
  taken: listTaken(state.history),
  brief: state.reportedFor !== undefined && state.reportedFor === state.recovery,
  initialSeq: initialSeqOf(state, terms),
  window: windowOf(state, terms),
});

/** Takes in the answer to a report. @returns whether calls can be made again. */
export const settleReport = (state: SessionState, reply: ReportReply): boolean => {
  if (!owesReport(state)) return true;
  if (reply.kind === 'recovering') {
    state.reportedFor = undefined;
    swear(state);
  }
  if (reply.kind === 'waiting') {
    if (reply.recovery.time !== state.recovery?.time) state.recovery = reply.recovery;
    const { epoch } = state;
    // Other nodes know of a later epoch that may still begin on another server: a recovery is exact once all have sworn
    // it off.
    swear(state, reply.epoch);
    // The store may hold a report from before this node swore off more: then it is sent again.
    const isKept = reply.reported.includes(state.node) && state.epoch === epoch && (reply.sworn ?? epoch) >= epoch;
    state.reportedFor = isKept ? state.recovery : undefined;
  }
  if (reply.kind !== 'reported' || isOutdated(state, reply.fence)) return false;
  state.standing = 'known';
  state.reportedFor = undefined;
  // The store has taken note of that call in the present epoch.
  if (state.settled > 0) state.settledEpoch = state.epoch;
  // The store knows by its number whether the pending call was served before the recovery. If not, the lost part of the
  // state may have given the values it returns to another node.
  if (state.pending) state.pending = { ...state.pending, epoch: state.epoch, reissued: true };
  return true;
};
