/** Watches what this node holds ready for an outage: the prefixes whose standby is nearest its end, for the metrics. */
import type { Standing } from '../../allocators/allocator.ts';
import type { Emit, StandbyMeasure } from '../../core/events/events.ts';
import { seriesKeyOf } from '../../core/values/sequence-id.ts';
import { every } from './every.ts';
import { worstPerPrefix } from './worst-per-prefix.ts';

export interface StandbyWatcher {
  /** Looks at all sequences of this node, as it does every 5 s. */
  look(): Promise<void>;
  close(): void;
}

interface Dependencies {
  /** The sequences in use on this node. */
  readonly standings: () => Iterable<Standing>;
  /** Prefixes with measures of their own; the worst of the others is reported as `other`. */
  readonly measuredMax: number;
  readonly emit: Emit;
}

/** An outage empties a segment within seconds. */
const LOOK_INTERVAL_MS = 5_000;
/** Sequences checked before other work gets a turn of the event loop. */
const SLICE = 5_000;

const measureOf = ({ sequence, standby }: Standing): StandbyMeasure | undefined =>
  standby && {
    prefixKey: seriesKeyOf(sequence.series),
    left: Number(standby.left),
    leftRatio: Number(standby.left) / Number(standby.size),
  };

export const createStandbyWatcher = ({ standings, measuredMax, emit }: Dependencies): StandbyWatcher => {
  const look = async (): Promise<void> => {
    const sorted = await worstPerPrefix<StandbyMeasure>({
      standings: standings(),
      slice: SLICE,
      measureOf,
      compare: (a, b) => a.leftRatio - b.leftRatio,
    });
    const worst = sorted[measuredMax];
    const other = worst && { ...worst, prefixKey: 'other' };
    emit({ type: 'standby-measured', measures: sorted.slice(0, measuredMax), other });
  };

  return { look, close: every(LOOK_INTERVAL_MS, look) };
};
