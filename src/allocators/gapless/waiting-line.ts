/**
 * The requests that wait for a ledger, and which of them share its next call: records and functions, without a promise
 * or a store. The calls themselves are made in `ledger-calls.ts`, which reports here how each one ended.
 */
import type { LedgerTake } from '../../core/ledger/ledger-store.ts';
import type { GaplessLimits } from './gapless-limits.ts';

/** A request, as far as the line looks at it. */
interface Waiting {
  readonly take: Pick<LedgerTake, 'count'>;
}

export interface WaitingLine<Request extends Waiting> {
  /** The requests without a call by the name of their sequence, the sequence that has waited longest first. */
  readonly groups: Map<string, Request[]>;
  /** Sequences in a call that is under way. */
  readonly busy: Set<string>;
  /** Sequences whose last call failed: they travel alone, so that a locked one does not keep others waiting. */
  readonly apart: Set<string>;
  /** Requests that wait, or are in a call. */
  requests: number;
  /** Calls under way. */
  calls: number;
}

/** A call on the ledger: the requests of one sequence stand beside each other, in the order of arrival. */
export interface SharedCall<Request> {
  readonly names: readonly string[];
  readonly requests: readonly Request[];
}

/** `divided`: it was refused because of one request, and each was served alone. */
export type CallEnd = 'served' | 'failed' | 'divided';

type LineLimits = Pick<GaplessLimits, 'waitingMax' | 'callsMax' | 'callSequencesMax' | 'callValuesMax'>;

export const createWaitingLine = <Request extends Waiting>(): WaitingLine<Request> => ({
  groups: new Map(),
  busy: new Set(),
  apart: new Set(),
  requests: 0,
  calls: 0,
});

/** A request comes. @returns false when the line is full. */
export const joinLine = <Request extends Waiting>(
  line: WaitingLine<Request>,
  name: string,
  request: Request,
  { waitingMax }: Pick<LineLimits, 'waitingMax'>,
): boolean => {
  if (line.requests >= waitingMax) return false;
  const group = line.groups.get(name);
  if (group === undefined) line.groups.set(name, [request]);
  else group.push(request);
  line.requests += 1;
  return true;
};

/** Moves requests of one sequence out of the line into the call, one at least. @returns how many values they ask for. */
const board = <Request extends Waiting>(
  line: WaitingLine<Request>,
  call: { readonly names: string[]; readonly requests: Request[] },
  name: string,
  valuesMax: number,
): number => {
  const group = line.groups.get(name) ?? [];
  let boarded = 0;
  let values = 0;
  for (const request of group) {
    if (boarded > 0 && values + request.take.count > valuesMax) break;
    call.requests.push(request);
    values += request.take.count;
    boarded += 1;
  }
  line.groups.delete(name);
  // What is left queues up behind the other sequences.
  if (boarded < group.length) line.groups.set(name, group.slice(boarded));
  line.busy.add(name);
  call.names.push(name);
  return values;
};

/** Begins the next call. @returns undefined when none can begin now: ask again after each `joinLine` and `endCall`. */
export const beginCall = <Request extends Waiting>(
  line: WaitingLine<Request>,
  { callsMax, callSequencesMax, callValuesMax }: Omit<LineLimits, 'waitingMax'>,
): SharedCall<Request> | undefined => {
  if (line.calls >= callsMax) return undefined;
  const call = { names: [] as string[], requests: [] as Request[] };
  let room = callValuesMax;
  // A sequence that queues up again meanwhile is busy when the loop meets it.
  for (const name of line.groups.keys()) {
    const isFirst = call.names.length === 0;
    const isApart = line.apart.has(name);
    if (line.busy.has(name) || (isApart && !isFirst)) continue;
    if (!isFirst && (call.names.length >= callSequencesMax || room <= 0)) break;
    room -= board(line, call, name, room);
    if (isApart) break;
  }
  if (call.names.length === 0) return undefined;
  line.calls += 1;
  return call;
};

/** A call has ended, and all its requests have their answers. */
export const endCall = <Request extends Waiting>(
  line: WaitingLine<Request>,
  { names, requests }: SharedCall<Request>,
  end: CallEnd,
): void => {
  for (const name of names) {
    line.busy.delete(name);
    if (end === 'served') line.apart.delete(name);
    if (end === 'failed') line.apart.add(name);
  }
  line.requests -= requests.length;
  line.calls -= 1;
};
