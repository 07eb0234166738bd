/** The reckoning at the end of a history: every value from the first to the last is somewhere, and in one place only. */
import { takeAllInHand } from '../../src/allocators/counter/machine/session.ts';
import type { Stored } from './script-runner.ts';
import { check, type World } from './world.ts';

interface Held {
  readonly first: bigint;
  readonly last: bigint;
  readonly holder: string;
}

const readList = (source: string | undefined): Held[] =>
  (source ?? '')
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [first = '', last = '', holder = ''] = word.split(':');
      return { first: BigInt(first), last: BigInt(last), holder: holder.split('@')[0] ?? '' };
    });

const readGaps = (gaps: ReadonlyMap<string, string>): (Held & { readonly reason: string })[] =>
  [...gaps].map(([first, entry]) => {
    const [last = '', reason = '', holder = ''] = entry.split(' ');
    return { first: BigInt(first), last: BigInt(last), reason, holder: holder.split('@')[0] ?? '' };
  });

/** The last range of each node that has not returned it, as the state remembers it. */
const readLastRanges = (state: ReadonlyMap<string, string>): Held[] =>
  [...state].flatMap(([field, record]) => {
    const [, , , , first = '-', last = '-'] = record.split(' ');
    return field.startsWith('n:') && first !== '-'
      ? [{ first: BigInt(first), last: BigInt(last), holder: field.slice(2) }]
      : [];
  });

/** What was taken under an idempotency key: whoever comes with the key again is given it. */
const readReceipts = (receipts: ReadonlyMap<string, string>): Held[] =>
  [...receipts].flatMap(([name, text]) =>
    (text.split(' ')[2] ?? '').split(',').map((range) => {
      const [first = '', last = ''] = range.split('-');
      return { first: BigInt(first), last: BigInt(last), holder: name };
    }),
  );

const values = function* (ranges: readonly Held[]): Generator<readonly [bigint, string]> {
  for (const { first, last, holder } of ranges) {
    for (let value = first; value <= last; value++) yield [value, holder] as const;
  }
};

const checkAhead = (
  world: World,
  ahead: readonly Held[],
  counter: bigint,
  crashed: ReadonlySet<string>,
  gone: ReadonlySet<bigint>,
) => {
  const covered = new Set<bigint>();
  for (const [value, holder] of values(ahead)) {
    check(world, value > counter, `${value} is ahead, but the counter is at ${counter}`);
    check(world, !covered.has(value), `${value} is ahead twice`);
    covered.add(value);
    if (world.scene.forgetful || world.scene.fence !== 'none') continue;
    if (holder === '-') check(world, world.issued.has(value) || gone.has(value), `${value} is ahead, not issued`);
    else check(world, crashed.has(holder), `${value} is held by ${holder}, which has left`);
  }
  for (const value of world.issued.keys())
    check(world, value <= counter || covered.has(value), `${value} was issued, and is free ahead of the counter`);
};

/** Where the state says that the sequence began: at or below it nothing was issued. */
const checkOrigin = (world: World, { state }: Stored): bigint => {
  const text = state.get('origin');
  // Alone, a server that lost its state does not know it any more.
  check(world, text !== undefined || world.ceilings === undefined, 'nobody knows where the sequence began');
  if (text === undefined) return world.origin;
  const origin = BigInt(text);
  for (const value of world.issued.keys()) check(world, value > origin, `${value} was issued, not above ${origin}`);
  return origin;
};

/**
 * Issued ∪ free ∪ gap record is everything from `origin` + 1 to the counter. What a crashed node never dealt out of its
 * last range is the one thing in no list: it must lie within the last range the state remembers of that node.
 * A gap record of a crashed node may name values it issued, for it can no longer say.
 */
export const checkAccount = (world: World, stored: Stored): void => {
  if (stored.counter === null) {
    check(world, world.issued.size === 0, 'issued without a counter');
    return;
  }
  check(world, stored.counter === stored.state.get('value'), `the state's copy is ${stored.state.get('value')}`);
  const counter = BigInt(stored.counter);
  check(
    world,
    counter <= world.scene.limit || world.initialSeq >= counter,
    `the counter ${counter} is above the limit`,
  );
  const crashed = new Set(world.nodes.filter(({ status }) => status === 'crashed').map(({ name }) => name));
  const known = new Set<bigint>();
  for (const [value] of values(readList(stored.state.get('free')))) {
    check(world, !world.issued.has(value) && !known.has(value), `${value} is free, but issued or free twice`);
    known.add(value);
  }
  const gaps = readGaps(stored.gaps);
  for (const { first, last, reason, holder } of gaps) {
    const lost = reason === 'node-crash' || reason === 'recovery-jump';
    if (lost && !world.scene.forgetful && world.scene.fence === 'none')
      check(world, crashed.has(holder), `a gap ${first}-${last} of ${holder}, which has not crashed`);
    check(world, reason !== 'advance' || last <= world.advancedTo, `a gap ${first}-${last} by an advance nobody made`);
    for (let value = first; value <= last; value++) {
      check(world, !known.has(value) || world.scene.forgetful, `${value} is free or a gap, and a gap once more`);
      check(world, lost || !world.issued.has(value), `${value} is a gap by ${reason}, but issued`);
      if (world.issued.has(value)) world.met.set('doubtful', (world.met.get('doubtful') ?? 0) + 1);
      known.add(value);
    }
  }
  checkAhead(world, readList(stored.state.get('ahead')), counter, crashed, known);
  const derivable = new Set<bigint>();
  for (const [value, name] of values(readReceipts(stored.receipts))) {
    const issuedTo = world.issued.get(value);
    check(
      world,
      issuedTo === undefined || issuedTo === name,
      `${value} is in the receipt of ${name}, and of ${issuedTo}`,
    );
    check(
      world,
      !known.has(value) || world.scene.forgetful || world.scene.fence !== 'none',
      `${value} is in the receipt of ${name}, and free or a gap`,
    );
    derivable.add(value);
  }
  // A receipt may be lost together with the state, in which its values count as issued.
  if (world.scene.fence !== 'none') for (const value of world.receipted.keys()) derivable.add(value);
  for (const [value, holder] of values(readLastRanges(stored.state)))
    if (crashed.has(holder) || world.scene.forgetful) derivable.add(value);
  if (world.scene.forgetful) return;
  // What a crashed node had in hand, or was being given, was its alone.
  for (const { session, status } of world.nodes) {
    for (const { first, last } of status === 'crashed' ? takeAllInHand(session) : [])
      for (let value = first; value <= last; value++) derivable.add(value);
  }
  for (const { node, first, last } of world.underWay.values())
    for (let value = first; node.status === 'crashed' && value <= last; value++) derivable.add(value);
  const origin = checkOrigin(world, stored);
  for (let value = origin + 1n; value <= counter; value++)
    check(world, world.issued.has(value) || known.has(value) || derivable.has(value), `${value} is nowhere`);
};
