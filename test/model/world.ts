/** One history's world: a sequence in Redis, nodes, a network that loses, doubles, delays and reorders; and what was issued. */
import { isDeepStrictEqual } from 'node:util';
import { raiseCeiling } from '../../src/allocators/counter/fencing/raise-ceiling.ts';
import { decideInstall } from '../../src/allocators/counter/machine/recovery-decision.ts';
import type { RecoverySteps } from '../../src/allocators/counter/fencing/recovery-steps.ts';
import { ceilingWindow, windowWithin } from '../../src/allocators/counter/machine/ceiling-window.ts';
import { settleKeyedCall } from '../../src/allocators/counter/machine/keyed-call.ts';
import {
  createSequenceQueue,
  followFloor,
  type SequenceQueue,
} from '../../src/allocators/counter/sequence/sequence-queue.ts';
import {
  dealInOrder,
  dealStandby,
  giveBack,
  makeCall,
  makeLeave,
  settleCall,
} from '../../src/allocators/counter/machine/session.ts';
import { topOf } from '../../src/allocators/counter/machine/session-report.ts';
import {
  beginAt,
  type CounterSession,
  createCounterSession,
  owesReport,
  supersede,
} from '../../src/allocators/counter/machine/session-state.ts';
import type { CeilingStore } from '../../src/core/ceiling/ceiling-store.ts';
import type { CounterCall, CounterReply } from '../../src/core/counter/counter-call.ts';
import type { CounterInstall, CounterReport, ReportReply } from '../../src/core/counter/counter-fence.ts';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { decodeReply, encodeCall } from '../../src/stores/redis/codecs/reserve-codec.ts';
import { createModelOperations } from './operations.ts';
import type { Random } from './random.ts';
import type { ScriptRunner } from './script-runner.ts';
import type { ModelServer } from './servers.ts';

/** The node's functions that a test may exchange for spoilt ones. */
export interface NodeCode {
  readonly makeCall: typeof makeCall;
  readonly settleCall: typeof settleCall;
  readonly settleKeyedCall: typeof settleKeyedCall;
  readonly decideInstall: typeof decideInstall;
}

export const NODE_CODE: NodeCode = { makeCall, settleCall, settleKeyedCall, decideInstall };

/** The setting of a history. */
export interface Scene {
  readonly seed: number;
  readonly steps: number;
  /** The value before the first. */
  readonly origin: bigint;
  readonly limit: bigint;
  readonly standbySize: number;
  readonly countMax: number;
  readonly nodesMax: number;
  /** Nodes may be folded away while they live: losses are then only checked not to repeat. */
  readonly forgetful: boolean;
  readonly crashes: boolean;
  readonly advances: boolean;
  /** Clients with idempotency keys. Where servers forget, what was once in a receipt is accounted for, so others tell more. */
  readonly keyed: boolean;
  /** What befalls the servers; `alone`: nobody keeps the ceilings but the servers themselves. */
  readonly fence: 'none' | 'alone' | 'kept';
  /** What its nodes run. */
  readonly code: NodeCode;
  readonly wrapCeilings: (ceilings: CeilingStore) => CeilingStore;
}

export interface ModelNode {
  readonly name: string;
  /** The server it talks to. */
  server: ModelServer;
  /** As the node's shell keeps it; clients wait here, not in the queue. */
  readonly queue: SequenceQueue;
  readonly session: CounterSession;
  /** The shell's part in recoveries. */
  readonly recovery: RecoverySteps;
  waiting: number;
  /** The idempotency keys of the clients that wait. */
  readonly keys: Set<string>;
  status: 'alive' | 'closing' | 'crashed' | 'left';
  /** Highest value received in order. */
  high: bigint;
}

export interface KeyedMessage {
  readonly kind: 'once';
  readonly node: ModelNode;
  readonly server: ModelServer;
  readonly name: string;
  readonly call: CounterCall;
}

export interface KeyedReplyMessage {
  readonly kind: 'once-reply';
  readonly node: ModelNode;
  readonly name: string;
  readonly reply: CounterReply;
}

export type Message =
  | KeyedMessage
  | KeyedReplyMessage
  | { readonly kind: 'call'; readonly node: ModelNode; readonly server: ModelServer; readonly call: CounterCall }
  | { readonly kind: 'report'; readonly node: ModelNode; readonly server: ModelServer; readonly report: CounterReport }
  | { readonly kind: 'report-reply'; readonly node: ModelNode; readonly reply: ReportReply }
  | { readonly kind: 'install'; readonly server: ModelServer; readonly install: CounterInstall }
  | { readonly kind: 'advance'; readonly operation: string; readonly to: bigint; readonly initialSeq: bigint }
  | { readonly kind: 'reply'; readonly node: ModelNode; readonly call: number; readonly reply: CounterReply };

export interface World {
  readonly scene: Scene;
  readonly random: Random;
  readonly servers: ModelServer[];
  /** Keeps the ceilings in scenes where somebody does. */
  readonly ceilings: CeilingStore | undefined;
  readonly nodes: ModelNode[];
  readonly network: Message[];
  /** To which node's clients, or under which idempotency key. */
  readonly issued: Map<bigint, string>;
  /** What was issued under an idempotency key last. */
  readonly given: Map<string, string>;
  /** Under which key a receipt was written for a value. */
  readonly receipted: Map<bigint, string>;
  readonly log: string[];
  /** Last answers by (node, call): a repetition must say the same, unless something befell the servers since. */
  readonly answers: Map<string, { readonly text: string; readonly era: string }>;
  /** All answers by (node, call): servers that have parted may each have one, and each repeats its own. */
  readonly told: Set<string>;
  /** Counts what befell the servers. */
  era: number;
  begun: boolean;
  readonly runner: ScriptRunner;
  /** Makes a node's part in recoveries. */
  readonly recoveryOf: (world: World, name: string) => RecoverySteps;
  initialSeq: bigint;
  standbySize: number;
  /** Where the sequence began: what `initialSeq` was when the first call was served. */
  origin: bigint;
  /** How far an operator moved it, by an advance or by `initialSeq`. */
  advancedTo: bigint;
  /** Nothing new may be handed out at or below it. */
  floor: bigint;
  down: boolean;
  calls: number;
  /** How often each sort of answer was met. */
  readonly met: Map<string, number>;
  /** Ranges that were handed out in replies no node has taken in. */
  readonly underWay: Map<string, { readonly node: ModelNode; readonly first: bigint; readonly last: bigint }>;
}

export const createWorld = (
  scene: Scene,
  random: Random,
  runner: ScriptRunner,
  server: ModelServer,
  ceilings: CeilingStore | undefined,
  recoveryOf: World['recoveryOf'],
): World => ({
  scene,
  random,
  runner,
  recoveryOf,
  servers: [server],
  ceilings,
  nodes: [],
  network: [],
  issued: new Map(),
  given: new Map(),
  receipted: new Map(),
  log: [],
  answers: new Map(),
  told: new Set(),
  era: 0,
  begun: false,
  initialSeq: scene.origin,
  standbySize: scene.standbySize,
  origin: scene.origin,
  advancedTo: scene.origin,
  floor: scene.origin,
  down: false,
  calls: 0,
  met: new Map(),
  underWay: new Map(),
});

const fail = (world: World, what: string): never => {
  throw new Error(
    `seed ${world.scene.seed}: ${what}\n${world.log.slice(-Number(process.env['MODEL_LOG'] ?? 60)).join('\n')}`,
  );
};

export const check = (world: World, holds: boolean, what: string): void => {
  if (!holds) fail(world, what);
};

/** The sequence as the ceilings' store knows it. */
export const SEQUENCE = sequenceOf(seriesOf('H'), '');

export const startNode = async (world: World): Promise<void> => {
  const name = `n${world.nodes.length}`;
  const { ceilings, scene } = world;
  const session = createCounterSession({
    sequence: SEQUENCE,
    node: name,
    nextCall: () => ++world.calls,
    ceilingKeeper: () => (ceilings === undefined ? 'store' : 'elsewhere'),
  });
  const server = world.random.pick(world.servers);
  const node: ModelNode = {
    name,
    server,
    queue: createSequenceQueue(session, targetOf(world)),
    session,
    recovery: world.recoveryOf(world, name),
    waiting: 0,
    keys: new Set(),
    status: 'alive',
    high: scene.origin,
  };
  world.nodes.push(node);
  if (ceilings === undefined) return;
  await ceilings.register(name);
  beginAt(session, (await ceilings.read(SEQUENCE))?.epoch);
};

const issue = (world: World, node: ModelNode, first: bigint, last: bigint): void => {
  for (let value = first; value <= last; value++) {
    const before = world.issued.get(value);
    check(world, before === undefined, `${value} was issued by ${before} and by ${node.name}`);
    check(world, value <= world.scene.limit, `${value} is above the limit`);
    check(world, value > world.initialSeq, `${value} was issued with initialSeq ${world.initialSeq}`);
    check(world, value > world.origin, `${value} is not above the origin`);
    world.issued.set(value, node.name);
    node.waiting--;
  }
  world.log.push(`${node.name} issues ${first}-${last}`);
};

/** The terms as they are at any time: in this world every node hears of a change at once. */
const targetOf = (world: World) => ({
  name: 'H ',
  sequence: SEQUENCE,
  limit: world.scene.limit,
  get initialSeq() {
    return world.initialSeq;
  },
  get standbySize() {
    return world.standbySize;
  },
});

export const terms = (world: World) => ({
  initialSeq: world.initialSeq,
  limit: world.scene.limit,
  standbySize: world.standbySize,
});

/** Deals what is in hand to those who wait; now and then a client has gone, and its values are given back. */
export const deal = (world: World, node: ModelNode): void => {
  followFloor(node.queue, node.queue.target);
  while (node.waiting > 0) {
    const range = dealInOrder(node.session, node.waiting, world.scene.limit);
    if (!range) return;
    if (world.random.chance(0.03)) {
      node.waiting -= Number(range.last - range.first) + 1;
      giveBack(node.session, range);
      world.log.push(`${node.name} gives back ${range.first}-${range.last}`);
    } else issue(world, node, range.first, range.last);
  }
};

export const dealFromStandby = (world: World, node: ModelNode): void => {
  followFloor(node.queue, node.queue.target);
  const range = node.waiting > 0 ? dealStandby(node.session, node.waiting, world.scene.limit) : undefined;
  if (range) issue(world, node, range.first, range.last);
};

export const send = (world: World, node: ModelNode): void => {
  const { server, session } = node;
  if (owesReport(session)) {
    world.network.push({ kind: 'report', node, server, report: node.recovery.reportOf(node.queue) });
    return;
  }
  const leaving = node.status === 'closing';
  const call = leaving
    ? makeLeave(session, terms(world))
    : world.scene.code.makeCall(session, node.waiting, terms(world));
  if (call) world.network.push({ kind: 'call', node, server, call });
  else node.status = 'left';
};

/** Moves the ceiling of a node's sequence, as far as the stores let it. */
export const raise = async (world: World, node: ModelNode, above: bigint, base: bigint): Promise<void> => {
  const { session, server } = node;
  if (session.fence === undefined || world.ceilings === undefined) return;
  const result = await raiseCeiling({
    sequence: SEQUENCE,
    fence: session.fence,
    goal:
      above +
      BigInt(windowWithin(windowOf(world), above, world.scene.limit)) +
      BigInt(node.session.pending?.count ?? 0),
    base,
    operations: createModelOperations(world.runner, server),
    ceilings: world.ceilings,
  });
  world.log.push(`${node.name} raises the ceiling above ${above}: ${result.kind}`);
  if (result.kind === 'superseded') supersede(session, result.epoch);
};

/** Smaller than in production, so that the ceiling is met. */
export const windowOf = (world: World): number => Math.ceil(ceilingWindow(world.standbySize) / 100);

export const sendAdvance = async (world: World, to: bigint): Promise<void> => {
  const operation = `op${++world.calls}`;
  if (world.ceilings !== undefined) {
    const node = world.nodes.find(({ status }) => status === 'alive');
    if (node === undefined) return;
    await raise(world, node, to, to);
  }
  world.network.push({ kind: 'advance', operation, to, initialSeq: world.initialSeq });
};

const checkFresh = (world: World, call: CounterCall, reply: CounterReply): void => {
  if (reply.kind !== 'taken' && reply.kind !== 'exhausted') return;
  if (reply.kind === 'exhausted') {
    check(world, reply.valuesLeft < BigInt(call.count), `exhausted with ${reply.valuesLeft} left for ${call.count}`);
    return;
  }
  const { first, last } = reply.range;
  check(world, first <= last && last - first < BigInt(call.count), `asked ${call.count}, got ${first}-${last}`);
  check(world, first > world.floor, `${first} handed out after an advance to ${world.floor}`);
  check(world, first > call.initialSeq, `${first} handed out with initialSeq ${call.initialSeq}`);
};

export const meet = ({ met }: World, text: string, repeated: boolean): void => {
  const [kind = '', ...rest] = text.split(' ');
  const sorts = [kind, ...rest.filter((word) => word === 'returned' || word === 'recall')];
  if (rest.at(-4)?.includes('-')) sorts.push('offer');
  if (repeated) sorts.push('repeated');
  for (const sort of sorts) met.set(sort, (met.get(sort) ?? 0) + 1);
};

/** The first values of the sequence: from here on none may be missing. */
export const begin = (world: World, text: string, initialSeq: bigint): void => {
  if (world.ceilings === undefined) world.origin = initialSeq;
  world.begun = world.ceilings === undefined || /^(taken|advanced|receipt)/.test(text);
};

/** Without what it says of the fence. */
const answerOf = (reply: string): string => reply.split(' ').slice(0, -3).join(' ');

export const execute = async (
  world: World,
  { keys }: ModelServer,
  { id, epoch, entry }: { readonly id: string; readonly epoch: bigint; readonly entry: string },
): Promise<{ text: string; fresh: boolean }> => {
  const answer = world.answers.get(id);
  const before = answer?.text;
  const era = `${world.era} ${keys.counter} ${epoch}`;
  const repeated = before !== undefined && answer?.era === era;
  const compares = repeated && world.random.chance(0.2);
  const stored = compares ? await world.runner.read(keys) : undefined;
  const text = await world.runner.run(keys, entry);
  meet(world, text, repeated);
  world.log.push(`  ${entry} => ${text}${repeated ? ' (again)' : ''}`);
  check(world, !text.startsWith('corrupt'), text);
  if (!repeated) {
    const refused =
      /^(stale|forgotten|behind|recovering|ceiling)/.test(text) ||
      (id.startsWith('op') && text.startsWith('exhausted'));
    if (!refused && !world.begun) begin(world, text, BigInt(entry.split(' ')[4] ?? ''));
    if (refused) return { text, fresh: false };
    world.answers.set(id, { text, era });
    const told = `${id} ${answerOf(text)}`;
    const fresh = !world.told.has(told);
    world.told.add(told);
    return { text, fresh };
  }
  const same =
    answerOf(text) === answerOf(before) ||
    /^(stale|recovering|ceiling)/.test(text) ||
    (text === 'forgotten' && (world.scene.forgetful || world.scene.fence !== 'none'));
  check(world, same || world.scene.forgetful, `a repetition answered ${text} after ${before}`);
  if (stored) {
    const after = await world.runner.read(keys);
    check(world, world.scene.forgetful || isDeepStrictEqual(after, stored), 'a repetition changed the state');
  }
  return { text, fresh: false };
};

const dropOlder = ({ network }: World, node: ModelNode, callNumber: number): void => {
  const kept = network.filter(
    (message) =>
      !(message.kind === 'call' || message.kind === 'report') ||
      message.node !== node ||
      (message.kind === 'call' && message.call.call >= callNumber),
  );
  network.splice(0, network.length, ...kept);
};

export const deliverCall = async (
  world: World,
  node: ModelNode,
  server: ModelServer,
  call: CounterCall,
): Promise<CounterReply> => {
  const id = `${node.name} ${call.call}`;
  const { text, fresh } = await execute(world, server, { id, epoch: call.epoch, entry: encodeCall(call) });
  const reply = decodeReply(text);
  if (fresh) checkFresh(world, call, reply);
  if (reply.kind === 'taken')
    world.underWay.set(`${node.name} ${call.call} ${reply.range.first}`, { node, ...reply.range });
  // Copies that outlive a newer call by ten minutes are not played: that long the store remembers every node.
  if (fresh && world.scene.forgetful) dropOlder(world, node, call.call);
  return reply;
};

/** A node that has left says so to whoever keeps the ceilings, when everything it knows is written down. */
const strikeOut = async (world: World, node: ModelNode): Promise<void> => {
  node.status = 'left';
  if (world.ceilings === undefined) return;
  if (world.random.chance(0.1)) {
    node.status = 'crashed';
    return;
  }
  await raise(world, node, topOf(node.session), topOf(node.session));
  await world.ceilings.leave(node.name);
};

export const receive = async (
  world: World,
  node: ModelNode,
  callNumber: number,
  reply: CounterReply,
): Promise<void> => {
  if (node.status !== 'alive' && node.status !== 'closing') return;
  const settlement = world.scene.code.settleCall(node.session, callNumber, reply);
  if (settlement.kind === 'late') return;
  if (settlement.kind === 'ceiling') await raise(world, node, settlement.value, 0n);
  // Forgotten after ten minutes: no message of it is under way any more.
  if (settlement.kind === 'report' && world.scene.forgetful) dropOlder(world, node, Number.POSITIVE_INFINITY);
  const { fence } = node.session;
  if (fence !== undefined && fence.wanted > 0n) await raise(world, node, fence.wanted, 0n);
  check(world, settlement.kind !== 'usurped' && settlement.kind !== 'corrupt', `${node.name}: ${settlement.kind}`);
  const taken = reply.kind === 'taken' && settlement.kind === 'settled' ? reply : undefined;
  if (taken) world.underWay.delete(`${node.name} ${callNumber} ${taken.range.first}`);
  if (taken && !taken.returned) {
    check(world, taken.range.first > node.high, `${node.name} got ${taken.range.first} in order after ${node.high}`);
    node.high = taken.range.last;
  }
  if (settlement.kind === 'left') {
    await strikeOut(world, node);
    return;
  }
  // Clients that cannot be served are refused; sometimes all of them, sometimes only as many as must be.
  if (settlement.kind === 'exhausted')
    node.waiting = world.random.chance(0.5) ? 0 : Math.min(node.waiting, Number(settlement.valuesLeft));
  deal(world, node);
  if (node.waiting > 0 || node.status === 'closing' || settlement.kind === 'report') send(world, node);
};
