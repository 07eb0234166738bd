/** The table of phases is complete, nothing else leads from one phase to another, and only its own file writes a phase. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  createSequence,
  enter,
  enterOnce,
  PHASES,
  type Phase,
  resume,
} from '../../../../../src/allocators/counter/machine/sequence.ts';
import { giveBack, makeCall, makeLeave } from '../../../../../src/allocators/counter/machine/session.ts';
import {
  createCounterSession,
  type SessionState,
} from '../../../../../src/allocators/counter/machine/session-state.ts';
import { createRequest } from '../../../../../src/allocators/counter/machine/waiters.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { allocationTicket } from '../../../fakes/machine-on.ts';

type StandingName = SessionState['standing'];

const ALL = Object.keys(PHASES) as Phase[];
const TARGET = targetOf('INV');
const STANDINGS: readonly StandingName[] = ['new', 'known', 'late', 'sworn', 'gone'];

/** What the store must know of a node, for it to enter a phase. */
const ALLOWED: Readonly<Record<Phase, readonly StandingName[]>> = {
  opening: ['new'],
  joining: ['new'],
  serving: ['known'],
  'at-ceiling': ['new', 'known'],
  recovering: ['late', 'sworn'],
  're-entering': ['late', 'sworn'],
  settling: ['known'],
  leaving: ['new', 'known'],
  left: STANDINGS,
};

const sequenceIn = (phase: Phase, standing: StandingName) => {
  const session: SessionState = createCounterSession({ sequence: TARGET.sequence, node: 'node', nextCall: () => 1 });
  session.standing = standing;
  return createSequence(session, TARGET, phase);
};

/** The only ways there are. A way that is added to the table must be added here, with the test of what leads to it. */
const WAYS: Readonly<Record<Phase, readonly Phase[]>> = {
  opening: ['joining', 'recovering', 'left'],
  joining: ['serving', 'at-ceiling', 'recovering', 're-entering', 'leaving', 'left'],
  serving: ['at-ceiling', 'recovering', 're-entering', 'settling', 'leaving', 'left'],
  'at-ceiling': ['joining', 'serving', 'recovering', 'leaving'],
  recovering: ['serving', 'leaving', 'left'],
  're-entering': ['recovering'],
  settling: ['serving', 'at-ceiling', 'recovering', 're-entering', 'leaving', 'left'],
  leaving: ['at-ceiling', 'recovering', 're-entering', 'left'],
  left: [],
};

describe('the table', () => {
  test('has a way to every phase from the first one of a node, and from every phase a way to the end', () => {
    const reach = (from: Phase): Set<Phase> => {
      const reached = new Set<Phase>([from]);
      for (const phase of reached) for (const next of PHASES[phase].next) reached.add(next);
      return reached;
    };
    expect([...reach('opening')].toSorted()).toEqual(ALL.toSorted());
    for (const phase of ALL) expect(reach(phase)).toContain('left');
  });

  test.each(ALL)('says in words what %s means and when it is entered', (phase) => {
    const { meaning, entry } = PHASES[phase];
    expect([meaning, entry]).toEqual([expect.stringMatching(/^[A-Z].*\.$/), expect.stringMatching(/^[A-Z].*\.$/)]);
  });

  test('lets a request wait for a call only where calls are made, and a receipt only where numbered calls are', () => {
    for (const phase of ALL) {
      const { makesCalls, makesKeyedCalls, request } = PHASES[phase];
      expect([phase, request === 'call']).toEqual([phase, makesCalls]);
      expect([phase, makesKeyedCalls && !makesCalls]).toEqual([phase, false]);
    }
  });
});

describe.each(ALL)('from %s', (from) => {
  test.each(ALL)('to %s: only if the table says so', (to) => {
    const sequence = sequenceIn(from, ALLOWED[to][0] ?? 'new');
    if (WAYS[from].includes(to)) {
      enter(sequence, to);
      expect(sequence.phase).toBe(to);
    } else {
      expect(() => enter(sequence, to)).toThrow(`INV : from ${from} there is no way to ${to}`);
      expect(sequence.phase).toBe(from);
    }
  });
});

describe('what a phase demands', () => {
  const before = (to: Phase): Phase | undefined => ALL.find((from) => PHASES[from].next.includes(to));
  const CASES = ALL.flatMap((to) => {
    const from = before(to);
    return from === undefined ? [] : STANDINGS.map((standing) => ({ from, to, standing }));
  });

  test.each(CASES)('of a node that is $standing, before $to', ({ from, to, standing }) => {
    const sequence = sequenceIn(from, standing);
    if (ALLOWED[to].includes(standing)) {
      enter(sequence, to);
      expect(sequence.phase).toBe(to);
    } else {
      expect(() => enter(sequence, to)).toThrow(`${to} cannot be entered: ${standing}`);
      expect(sequence.phase).toBe(from);
    }
  });

  test.each(STANDINGS)('of a node that is %s, in the phase that all begin with', (standing) => {
    expect(PHASES.opening.holds(sequenceIn('opening', standing))).toBe(ALLOWED.opening.includes(standing));
  });

  test('left: nothing may be in hand, and nobody may wait', () => {
    const holding = sequenceIn('leaving', 'gone');
    giveBack(holding.session, { first: 1n, last: 1n });
    expect(() => enter(holding, 'left')).toThrow('left cannot be entered');
    const awaited = sequenceIn('leaving', 'gone');
    awaited.waiters.push(createRequest(allocationTicket(), TARGET, 1));
    expect(() => enter(awaited, 'left')).toThrow('left cannot be entered');
    const keyed = sequenceIn('leaving', 'gone');
    const receipt = { hash: 'k', fingerprint: 'f', atMs: 0, series: '' };
    const terms = { target: TARGET, count: 1, receipt, patienceEndMs: undefined, needsRoom: false };
    keyed.keyed.push({ ...terms, ticket: { resolve: () => undefined, reject: () => undefined } });
    expect(() => enter(keyed, 'left')).toThrow('left cannot be entered');
  });
});

test('a phase that the sequence is in already is not entered again', () => {
  const sequence = sequenceIn('recovering', 'sworn');
  expect(() => enter(sequence, 'recovering')).toThrow('there is no way');
  enterOnce(sequence, 'recovering');
  expect(sequence.phase).toBe('recovering');
});

describe('after what kept it from making calls, a sequence', () => {
  test.each([
    ['joins when the store was never called', 'at-ceiling', 'new', false, 'joining'],
    ['is served when the store knows the node', 'recovering', 'known', false, 'serving'],
    ['leaves when the node is closing', 'recovering', 'known', true, 'leaving'],
  ] as const)('%s', (_title, from, standing, isClosing, expected) => {
    const sequence = sequenceIn(from, standing);
    sequence.trouble = new Error('away');
    sequence.retryAtMs = 7;
    resume(sequence, isClosing);
    expect(sequence).toMatchObject({ phase: expected, trouble: undefined, retryAtMs: undefined });
  });

  test('leaves when its last call was one to leave: a call is repeated unchanged', () => {
    const sequence = sequenceIn('recovering', 'known');
    makeLeave(sequence.session, TARGET);
    resume(sequence, false);
    expect(sequence.phase).toBe('leaving');
    const taking = sequenceIn('recovering', 'known');
    makeCall(taking.session, 1, TARGET);
    resume(taking, false);
    expect(taking.phase).toBe('serving');
  });
});

test('only sequence.ts writes a phase', () => {
  const root = join(import.meta.dirname, '../../../../../src/allocators/counter');
  const writers = globSync('**/*.ts', { cwd: root }).filter((path) =>
    /\.phase\s*=[^=]|\{ phase: Phase \}|\bphase:\s*Phase\b/.test(readFileSync(join(root, path), 'utf8')),
  );
  expect(writers).toEqual(['machine/sequence.ts']);
});
