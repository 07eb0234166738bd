/** The waiting line of a ledger under any order of requests and ends of calls: everybody served once, in order, within the limits. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  beginCall,
  type CallEnd,
  createWaitingLine,
  endCall,
  joinLine,
  type SharedCall,
} from '../../../../src/allocators/gapless/waiting-line.ts';
import { propertyRuns } from '../../../support/property-runs.ts';

interface Request {
  readonly name: string;
  readonly at: number;
  readonly take: { readonly count: number };
}

type Step =
  | { readonly kind: 'join'; readonly name: string; readonly count: number }
  | { readonly kind: 'end'; readonly index: number; readonly end: CallEnd };

const LIMITS = { waitingMax: 6, callsMax: 2, callSequencesMax: 2, callValuesMax: 6 };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('join' as const),
      name: fc.constantFrom('A', 'B', 'C', 'D'),
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      index: fc.nat(LIMITS.callsMax - 1),
      end: fc.constantFrom<CallEnd>('served', 'failed', 'divided'),
    }),
  },
);

/** The line, and beside it what an onlooker has seen of it. */
const watch = () => {
  const line = createWaitingLine<Request>();
  const underWay: SharedCall<Request>[] = [];
  const joined: Request[] = [];
  const begun: Request[] = [];
  const failed = new Set<string>();

  const checkCall = ({ names, requests }: SharedCall<Request>): void => {
    expect([...new Set(requests.map(({ name }) => name))]).toEqual(names);
    expect(names.length).toBeLessThanOrEqual(LIMITS.callSequencesMax);
    for (const call of underWay) for (const name of names) expect(call.names).not.toContain(name);
    if (names.some((name) => failed.has(name))) expect(names).toHaveLength(1);
    // The first request of a sequence may be too large for what room is left; none boards a full call.
    const values = requests.reduce((sum, { take }) => sum + take.count, 0);
    const last = requests.at(-1);
    const isFirstOfName = requests.at(-2)?.name !== last?.name;
    expect(values - (isFirstOfName ? (last?.take.count ?? 0) : 0)).toBeLessThanOrEqual(LIMITS.callValuesMax);
    expect(values - (last?.take.count ?? 0)).toBeLessThan(LIMITS.callValuesMax);
  };
  const begin = (): void => {
    for (let call = beginCall(line, LIMITS); call !== undefined; call = beginCall(line, LIMITS)) {
      checkCall(call);
      underWay.push(call);
      begun.push(...call.requests);
      expect(underWay.length).toBeLessThanOrEqual(LIMITS.callsMax);
    }
    const isRoom = underWay.length < LIMITS.callsMax;
    const busy = new Set(underWay.flatMap(({ names }) => names));
    // Nobody waits for nothing.
    if (isRoom) expect([...line.groups.keys()].filter((name) => !busy.has(name))).toEqual([]);
  };
  const take = (chosen: Step): void => {
    if (chosen.kind === 'join') {
      const request = { name: chosen.name, at: joined.length, take: { count: chosen.count } };
      if (joinLine(line, chosen.name, request, LIMITS)) joined.push(request);
      else expect(line.requests).toBe(LIMITS.waitingMax);
    } else {
      const [call] = underWay.splice(chosen.index, 1);
      if (call === undefined) return;
      endCall(line, call, chosen.end);
      for (const name of call.names) {
        if (chosen.end === 'served') failed.delete(name);
        if (chosen.end === 'failed') failed.add(name);
      }
    }
    expect(line.apart).toEqual(failed);
    expect(line.requests).toBeLessThanOrEqual(LIMITS.waitingMax);
    begin();
    const waiting = [...line.groups.values()].flat();
    expect(line.requests).toBe(waiting.length + underWay.flatMap(({ requests }) => requests).length);
    expect(line.calls).toBe(underWay.length);
  };
  return { take, underWay, joined, begun };
};

test('each request is in one call, after those of its sequence that came before it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { take, underWay, joined, begun } = watch();
      for (const chosen of steps) take(chosen);
      while (underWay.length > 0) take({ kind: 'end', index: 0, end: 'served' });
      expect(begun.toSorted((one, other) => one.at - other.at)).toEqual(joined);
      for (const name of ['A', 'B', 'C', 'D']) {
        const places = begun.filter((request) => request.name === name).map(({ at }) => at);
        expect(places).toEqual(places.toSorted((one, other) => one - other));
      }
    }),
    { numRuns: propertyRuns(500) },
  );
});
