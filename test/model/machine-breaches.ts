/** Breaches planted in the node's code, each by other text in one file: the model check must find them. */
import type { Alteration, SceneKind } from './scenes.ts';

export interface Breach {
  readonly name: string;
  /** Within `src/`; absent: the script. */
  readonly file?: string;
  /** This text, which is there once, … */
  readonly from: string;
  /** … becomes that one. */
  readonly to: string;
  /** What befalls the servers. Default: nothing. */
  readonly kind?: SceneKind;
  /** Histories that find it sooner. Default: all have idempotency keys. */
  readonly alter?: Alteration;
  /** The history that found it: where the campaign begins, so that CI plays few. A stale one costs time, nothing else. */
  readonly seed?: number;
}

const MACHINE = 'allocators/counter/machine';

export const MACHINE_BREACHES: readonly Breach[] = [
  {
    name: 'the node drops what nobody waits for',
    file: `${MACHINE}/session.ts`,
    from: '      addTaken(state.history, reply.range, state.seen);\n',
    to: '      addTaken(state.history, reply.range, state.seen);\n      if (callNumber % 7 === 0) dealInOrder(state, 1, 2n ** 64n);\n',
  },
  {
    name: 'the node forgets to report a segment it gave up',
    file: `${MACHINE}/session.ts`,
    from: 'released: takeReleased(state.standby),',
    to: 'released: takeReleased(state.standby).slice(0, 0),',
  },
  {
    name: 'a node does not remember what it was given with a receipt',
    file: `${MACHINE}/keyed-call.ts`,
    from: '      learn(state, receipt, replayed);\n',
    to: '',
    kind: 'alone',
  },
  {
    name: 'a node gives back after a recovery as if nothing had happened',
    file: `${MACHINE}/session-report.ts`,
    from: 'reissued: true',
    to: 'reissued: false',
    kind: 'kept',
    alter: { keyed: false },
  },
  {
    name: 'a recovery is called exact though a node is silent',
    file: `${MACHINE}/recovery-decision.ts`,
    from: 'recovery, ...grant };',
    to: 'recovery, ...grant, base: 0n, jumpTo: undefined };',
    kind: 'kept',
  },
  {
    name: 'a sequence is said to begin below where its first node has reported that it counts',
    file: `${MACHINE}/recovery.ts`,
    from: 'initialSeq: initialSeqOf(session, target),',
    to: 'initialSeq: 0n,',
    kind: 'kept',
  },
  {
    name: 'a node swears off by a method that has lost its object',
    file: `${MACHINE}/recovery.ts`,
    from: 'swear(sequence.session, known);',
    to: '[{ session: sequence.session, off(epoch: bigint) { swear(this.session, epoch); } }.off].map((off) => off(known));',
    kind: 'kept',
  },
  {
    name: 'the ceiling is put in force before it is durable',
    file: `${MACHINE}/moves.ts`,
    from: '    ceiling: goalOf(move),\n    base:',
    to: '    ceiling: 0n,\n    base:',
    kind: 'kept',
  },
  {
    name: 'a sequence goes on at its ceiling without the raise',
    file: `${MACHINE}/ceiling.ts`,
    from: '  sequence.stuckAt = value;\n  want(node, sequence, { above: value, base: 0n });\n',
    to: '  resumeCalls(node, sequence);\n',
    kind: 'kept',
  },
  {
    name: 'a request is answered twice',
    file: `${MACHINE}/waiters.ts`,
    from: '    return fits;\n',
    to: '    return true;\n',
  },
  {
    name: 'a request is forgotten when its sequence is dropped',
    file: `${MACHINE}/opening.ts`,
    from: '  for (const waiter of waiters) enqueue(node, next, waiter);\n',
    to: '',
  },
  {
    name: 'no account is stored before or after a node leaves a sequence',
    file: `${MACHINE}/ceiling.ts`,
    from: '  want(node, sequence, { above: top, base: top });\n',
    to: '  finish(node, sequence, top > 0n ? undefined : undefined);\n',
    kind: 'kept',
  },
  {
    name: 'a registration is renewed after the node was struck out',
    file: `${MACHINE}/shutdown.ts`,
    from: '  node.registration.renewAtMs = undefined;\n',
    to: '',
    kind: 'kept',
  },
  {
    name: 'a lapsed registration goes on counting',
    file: `${MACHINE}/registration.ts`,
    from: 'registeredMs !== undefined && nowMs - registeredMs > LAPSED_AFTER_MS',
    to: 'registeredMs !== undefined && nowMs - registeredMs > 1_000 * LAPSED_AFTER_MS',
    kind: 'kept',
    alter: { isLong: true },
  },
  {
    name: 'a grant is not installed',
    file: `${MACHINE}/recovery.ts`,
    from: '    install(node, sequence, waiting, installGranted(waiting, outcome, termsOf(node, sequence)));\n    return;\n',
    to: '    endAsking(node, sequence);\n    return;\n',
    kind: 'kept',
  },
  {
    name: 'patience is never lost',
    file: `${MACHINE}/node.ts`,
    from: '  if (isDue(node.trip?.patienceEndMs, nowMs)) losePatience(node);\n',
    to: '',
  },
  {
    name: 'a store that is away is never asked again',
    file: `${MACHINE}/presence.ts`,
    from: '  node.retryAtMs = nowMs + node.retryMs;\n',
    to: '',
  },
  {
    name: 'a sequence that was forgotten while its epoch was confirmed is served',
    seed: 1_320,
    file: `${MACHINE}/recovery.ts`,
    from: '  if (owesReport(sequence.session)) return;\n  node.recovery',
    to: '  node.recovery',
    kind: 'kept',
  },
  {
    name: 'a session that the store never heard of leaves',
    file: `${MACHINE}/sequence.ts`,
    from: "  if (session.standing === 'new') enterOnce(sequence, 'joining');\n  else ",
    to: '  ',
    kind: 'kept',
  },
  {
    name: 'a node counts again, and recoveries do not wait for it',
    seed: 500,
    file: 'stores/memory/memory-ceiling-store.ts',
    from: 'stored.entry.jumpedWithout.filter((one) => one !== node)',
    to: 'stored.entry.jumpedWithout.filter((one) => one === one)',
    kind: 'kept',
  },
  {
    name: 'a recovery forgets how far it jumped without a node',
    seed: 500,
    file: 'core/ceiling/ceiling-rule.ts',
    from: 'const base = exact ? entry.base : entry.ceiling;',
    to: 'const base = entry.base;',
    kind: 'kept',
  },
  {
    name: 'the end waits for a call that is not made',
    file: `${MACHINE}/node.ts`,
    from: '  // What was due may have needed no trip: then no reply follows that would go on with the end.\n  leaveSequences(node);\n',
    to: '',
  },
  {
    name: 'a session forgets how far initialSeq was raised in the one before it',
    file: `${MACHINE}/opening.ts`,
    seed: 20_026_901,
    kind: 'kept',
    from: 'followFloor(next, { ...target, initialSeq: initialSeqOf(session, target) });',
    to: '',
    alter: {},
  },
  {
    name: 'a session forgets what was given in the one before it, whose account is not stored',
    file: `${MACHINE}/opening.ts`,
    seed: 50_037_764,
    kind: 'kept',
    from: 'if (unstored !== undefined) inherit(session, unstored);',
    to: '',
    alter: {},
  },
];
