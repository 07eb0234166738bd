/** What Redis holds of a sequence when all is over: counter, state and gap record, read without any code of the service. */
import type { Redis } from 'ioredis';

export interface HeldRange {
  readonly first: number;
  readonly last: number;
  /** The node that holds it; `-` for nobody: its values are accounted for elsewhere. */
  readonly holder: string;
}

export interface RecordedGap extends HeldRange {
  readonly reason: string;
}

export interface StoredSequence {
  /** The last value taken in order. */
  readonly counter: number;
  /** Ranges above the counter that are spoken for. */
  readonly ahead: readonly HeldRange[];
  /** Values given back, to be handed out next. */
  readonly free: readonly HeldRange[];
  readonly gaps: readonly RecordedGap[];
  /** The range of each node's last call, as far as it has not given it back. */
  readonly lastRanges: readonly HeldRange[];
  /** Every node the state knows of, with the number of its last call. */
  readonly calls: ReadonlyMap<string, number>;
}

/** A segment's holder is written `NODE@CALL`, with the call that was offered it; used values have no holder. */
const nodeOf = (holder = '-'): string => holder.split('@')[0] ?? '-';

const readRanges = (text: string | undefined): HeldRange[] =>
  (text ?? '')
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [first, last, holder] = word.split(':');
      return { first: Number(first), last: Number(last), holder: nodeOf(holder) };
    });

/** The keys of a prefix without a reset, as the contract names them. */
export const keysOf = (prefixKey: string) => ({
  counter: `sequence:${prefixKey}`,
  state: `{sequence:${prefixKey}}:state`,
  gaps: `{sequence:${prefixKey}}:gaps`,
});

const readNodes = (state: Readonly<Record<string, string>>) =>
  Object.entries(state).flatMap(([field, record]) =>
    field.startsWith('n:') ? [{ name: field.slice(2), words: record.split(' ') }] : [],
  );

/** What the state hash says of values that are not in order. */
export const readHeldRanges = (
  state: Readonly<Record<string, string>>,
): Pick<StoredSequence, 'ahead' | 'free' | 'lastRanges'> => ({
  ahead: readRanges(state['ahead']),
  free: readRanges(state['free']),
  lastRanges: readNodes(state).flatMap(({ name, words: [, , , , first = '-', last] }) =>
    first === '-' ? [] : [{ first: Number(first), last: Number(last), holder: name }],
  ),
});

export const readStoredSequence = async (redis: Redis, prefixKey: string): Promise<StoredSequence> => {
  const keys = keysOf(prefixKey);
  const [counter, state, gaps] = await Promise.all([
    redis.get(keys.counter),
    redis.hgetall(keys.state),
    redis.hgetall(keys.gaps),
  ]);
  return {
    counter: Number(counter ?? 0),
    ...readHeldRanges(state),
    gaps: Object.entries(gaps).map(([first, entry]) => {
      const [last, reason = '', holder] = entry.split(' ');
      return { first: Number(first), last: Number(last), reason, holder: nodeOf(holder) };
    }),
    calls: new Map(readNodes(state).map(({ name, words: [call] }) => [name, Number(call)])),
  };
};
