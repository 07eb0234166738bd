/** Values that are leased for a sequence, and the requests that wait for them: records and functions, without a promise. */
import { SequenceOverflowError } from '../../core/errors.ts';
import { type Range, rangeSize } from '../../core/values/range.ts';

/** Values that are leased: what is left of one range, the size it had, and which of the two lessees took it. */
export interface Lease {
  left: Range;
  readonly size: bigint;
  readonly lessee: number;
}

export interface SegmentRequest {
  readonly count: number;
  missing: number;
  readonly limit: bigint;
  /** What it has got so far, each part as a lease, so that it can go back to where it was. */
  readonly parts: Lease[];
}

/** A request that waits no more: it has all its values, or is refused. */
export type Settled<Request> =
  | { readonly request: Request; readonly ranges: readonly Range[] }
  | { readonly request: Request; readonly error: unknown };

export interface LeasedValues<Request extends SegmentRequest> {
  /** The highest `initialSeq` seen: no value at or below it is issued. */
  floor: bigint;
  /** The one in use first. */
  readonly leases: Lease[];
  /** In the order of arrival. */
  readonly requests: Request[];
}

/** Splits a lease at the floor. @returns what lies at or below it; undefined when nothing does. */
const cutBelow = (
  floor: bigint,
  lease: Lease,
): { readonly below: Lease; readonly above: Lease | undefined } | undefined => {
  const { first, last } = lease.left;
  if (first > floor) return undefined;
  if (last <= floor) return { below: lease, above: undefined };
  return {
    below: { ...lease, left: { first, last: floor } },
    above: { ...lease, left: { first: floor + 1n, last } },
  };
};

/** Adds a lease to others. @returns the part of it at or below the floor, which is not to be issued. */
const addAbove = (floor: bigint, leases: Lease[], lease: Lease): readonly Lease[] => {
  const cut = cutBelow(floor, lease);
  const kept = cut === undefined ? lease : cut.above;
  if (kept !== undefined) leases.push(kept);
  return cut === undefined ? [] : [cut.below];
};

/** Puts a leased range in hand. @returns the part of it at or below the floor, which goes back. */
export const addLease = ({ floor, leases }: LeasedValues<SegmentRequest>, lease: Lease): readonly Lease[] =>
  addAbove(floor, leases, lease);

/**
 * `initialSeq` was raised. @returns the values to give back: those at or below it, in hand or in requests that wait for
 * more.
 */
export const raiseFloor = (values: LeasedValues<SegmentRequest>, initialSeq: bigint): readonly Lease[] => {
  if (initialSeq <= values.floor) return [];
  values.floor = initialSeq;
  const { floor, leases, requests } = values;
  const outdated = leases.splice(0).flatMap((lease) => addAbove(floor, leases, lease));
  for (const request of requests) {
    const below = request.parts.splice(0).flatMap((part) => addAbove(floor, request.parts, part));
    for (const { left } of below) request.missing += Number(rangeSize(left));
    outdated.push(...below);
  }
  return outdated;
};

/** Gives a request what is in hand. @returns whether it has all; 'above-limit' when the next value is not for it. */
const serveOne = ({ leases }: LeasedValues<SegmentRequest>, request: SegmentRequest): boolean | 'above-limit' => {
  for (let lease = leases[0]; request.missing > 0; lease = leases[0]) {
    if (lease === undefined) return false;
    const { first, last } = lease.left;
    if (first > request.limit) return 'above-limit';
    let end = first + BigInt(request.missing) - 1n;
    if (end > last) end = last;
    if (end > request.limit) end = request.limit;
    request.parts.push({ ...lease, left: { first, last: end } });
    request.missing -= Number(end - first + 1n);
    if (end === last) leases.shift();
    else lease.left = { first: end + 1n, last };
  }
  return true;
};

/** Refuses a request; what it has got so far goes back before the rest. */
const refuse = <Request extends SegmentRequest>(
  { leases }: LeasedValues<Request>,
  request: Request,
  error: unknown,
): Settled<Request> => {
  for (const part of request.parts.splice(0).toReversed()) {
    const [lease] = leases;
    const { first, last } = part.left;
    if (lease?.lessee === part.lessee && lease.left.first === last + 1n) lease.left = { first, last: lease.left.last };
    else leases.unshift(part);
  }
  return { request, error };
};

/** Serves the requests in their order, until one has to wait for more. @returns those that have their end. */
export const serveRequests = <Request extends SegmentRequest>(
  values: LeasedValues<Request>,
  prefixKey: string,
): Settled<Request>[] => {
  const settled: Settled<Request>[] = [];
  for (const request of values.requests) {
    const served = serveOne(values, request);
    if (served === false) break;
    if (served === true) settled.push({ request, ranges: request.parts.map(({ left }) => left) });
    else settled.push(refuse(values, request, new SequenceOverflowError(prefixKey, 0n)));
  }
  values.requests.splice(0, settled.length);
  return settled;
};

/** Refuses requests: the first so many, or all. @returns them, the last one first. */
export const refuseRequests = <Request extends SegmentRequest>(
  values: LeasedValues<Request>,
  error: unknown,
  countMax = values.requests.length,
): Settled<Request>[] =>
  values.requests
    .splice(0, countMax)
    .toReversed()
    .map((request) => refuse(values, request, error));
