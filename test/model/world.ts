/** One history's world: a sequence in Redis, nodes, a network that loses, doubles, delays and reorders; and what was issued. */
import { isDeepStrictEqual } from 'node:util';
import { type CounterSession, createCounterSession } from '../../src/allocators/counter-session.ts';
import type { CounterCall, CounterReply } from '../../src/core/counter-store.ts';
import { type SequenceKeys, sequenceKeys } from '../../src/stores/redis/redis-keys.ts';
import { decodeReply, encodeAdvance, encodeCall } from '../../src/stores/redis/reserve-codec.ts';
import type { Random } from './random.ts';
import type { ScriptRunner } from './script-runner.ts';

/** The setting of a history. `wrap` lets a test spoil the session. */
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
  readonly wrap: (session: CounterSession) => CounterSession;
}

export interface ModelNode {
  readonly name: string;
  readonly session: CounterSession;
  waiting: number;
  status: 'alive' | 'closing' | 'crashed' | 'left';
  /** Highest value received in order. */
  high: bigint;
}

type Message =
  | { readonly kind: 'call'; readonly node: ModelNode; readonly call: CounterCall }
  | { readonly kind: 'advance'; readonly operation: string; readonly to: bigint; readonly initialSeq: bigint }
  | { readonly kind: 'reply'; readonly node: ModelNode; readonly call: number; readonly reply: CounterReply };

export interface World {
  readonly scene: Scene;
  readonly random: Random;
  readonly keys: SequenceKeys;
  readonly nodes: ModelNode[];
  readonly network: Message[];
  readonly issued: Map<bigint, string>;
  readonly log: string[];
  /** First answers by (node, call): a repetition must say the same. */
  readonly answers: Map<string, string>;
  readonly runner: ScriptRunner;
  initialSeq: bigint;
  standbySize: number;
  /** Where the sequence began: what `initialSeq` was when the first call was served. */
  origin: bigint;
  /** Nothing new may be handed out at or below it. */
  floor: bigint;
  down: boolean;
  calls: number;
  /** How often each sort of answer was met. */
  readonly met: Map<string, number>;
}

export const createWorld = (scene: Scene, random: Random, runner: ScriptRunner): World => ({
  scene,
  random,
  runner,
  keys: sequenceKeys({ prefixKey: `H${scene.seed}`, period: scene.seed % 2 ? '2026' : '' }),
  nodes: [],
  network: [],
  issued: new Map(),
  log: [],
  answers: new Map(),
  initialSeq: scene.origin,
  standbySize: scene.standbySize,
  origin: scene.origin,
  floor: scene.origin,
  down: false,
  calls: 0,
  met: new Map(),
});

const fail = (world: World, what: string): never => {
  throw new Error(`seed ${world.scene.seed}: ${what}\n${world.log.slice(-60).join('\n')}`);
};

export const check = (world: World, holds: boolean, what: string): void => {
  if (!holds) fail(world, what);
};

export const startNode = (world: World): void => {
  const name = `n${world.nodes.length}`;
  const sequence = { prefixKey: `H${world.scene.seed}`, period: '' };
  const session = world.scene.wrap(createCounterSession({ sequence, node: name, nextCall: () => ++world.calls }));
  world.nodes.push({ name, session, waiting: 0, status: 'alive', high: world.scene.origin });
};

const issue = (world: World, node: ModelNode, first: bigint, last: bigint): void => {
  for (let value = first; value <= last; value++) {
    const before = world.issued.get(value);
    check(world, before === undefined, `${value} was issued by ${before} and by ${node.name}`);
    check(world, value <= world.scene.limit, `${value} is above the limit`);
    check(world, value > world.origin, `${value} is not above the origin`);
    world.issued.set(value, node.name);
    node.waiting--;
  }
  world.log.push(`${node.name} issues ${first}-${last}`);
};

const terms = (world: World) => ({
  initialSeq: world.initialSeq,
  limit: world.scene.limit,
  standbySize: world.standbySize,
});

/** Deals what is in hand to those who wait; now and then a client has gone, and its values are given back. */
export const deal = (world: World, node: ModelNode): void => {
  while (node.waiting > 0) {
    const range = node.session.deal(node.waiting, world.scene.limit);
    if (!range) return;
    if (world.random.chance(0.03)) {
      node.waiting -= Number(range.last - range.first) + 1;
      node.session.giveBack(range);
      world.log.push(`${node.name} gives back ${range.first}-${range.last}`);
    } else issue(world, node, range.first, range.last);
  }
};

export const dealStandby = (world: World, node: ModelNode): void => {
  const range = node.waiting > 0 ? node.session.dealStandby(node.waiting, world.scene.limit) : undefined;
  if (range) issue(world, node, range.first, range.last);
};

export const send = (world: World, node: ModelNode): void => {
  const leaving = node.status === 'closing';
  const call = leaving ? node.session.leave(terms(world)) : node.session.call(node.waiting, terms(world));
  if (call) world.network.push({ kind: 'call', node, call });
  else node.status = 'left';
};

export const sendAdvance = (world: World, to: bigint): void => {
  const operation = `op${++world.calls}`;
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

const meet = ({ met }: World, text: string, repeated: boolean): void => {
  const [kind = '', ...rest] = text.split(' ');
  const sorts = [kind, ...rest.filter((word) => word === 'returned' || word === 'recall')];
  if (rest.at(-1)?.includes('-')) sorts.push('offer');
  if (repeated) sorts.push('repeated');
  for (const sort of sorts) met.set(sort, (met.get(sort) ?? 0) + 1);
};

const execute = async (world: World, id: string, entry: string): Promise<{ text: string; fresh: boolean }> => {
  const before = world.answers.get(id);
  const repeated = before !== undefined;
  const compares = repeated && world.random.chance(0.2);
  const stored = compares ? await world.runner.read(world.keys) : undefined;
  const text = await world.runner.run(world.keys, entry);
  meet(world, text, repeated);
  world.log.push(`  ${entry} => ${text}${repeated ? ' (again)' : ''}`);
  check(world, !text.startsWith('corrupt'), text);
  if (!repeated) {
    const refused = /^(stale|forgotten|behind)/.test(text) || (id.startsWith('op') && text.startsWith('exhausted'));
    if (!refused && world.answers.size === 0) world.origin = BigInt(entry.split(' ')[4] ?? '');
    if (!refused) world.answers.set(id, text);
    return { text, fresh: !refused };
  }
  const same = text === before || text.startsWith('stale') || (world.scene.forgetful && text === 'forgotten');
  check(world, same || world.scene.forgetful, `a repetition answered ${text} after ${before}`);
  if (stored) {
    const after = await world.runner.read(world.keys);
    check(world, world.scene.forgetful || isDeepStrictEqual(after, stored), 'a repetition changed the state');
  }
  return { text, fresh: false };
};

const dropOlder = ({ network }: World, node: ModelNode, callNumber: number): void => {
  const kept = network.filter(
    (message) => message.kind !== 'call' || message.node !== node || message.call.call >= callNumber,
  );
  network.splice(0, network.length, ...kept);
};

const deliverCall = async (world: World, node: ModelNode, call: CounterCall): Promise<CounterReply> => {
  const { text, fresh } = await execute(world, `${node.name} ${call.call}`, encodeCall(call));
  const reply = decodeReply(text);
  if (fresh) checkFresh(world, call, reply);
  // Copies that outlive a newer call by ten minutes are not played: that long the store remembers every node.
  if (fresh && world.scene.forgetful) dropOlder(world, node, call.call);
  return reply;
};

const receive = (world: World, node: ModelNode, callNumber: number, reply: CounterReply): void => {
  if (node.status !== 'alive' && node.status !== 'closing') return;
  const settlement = node.session.settle(callNumber, reply);
  if (settlement.kind === 'late') return;
  check(world, settlement.kind !== 'usurped' && settlement.kind !== 'corrupt', `${node.name}: ${settlement.kind}`);
  if (reply.kind === 'taken' && !reply.returned) {
    check(world, reply.range.first > node.high, `${node.name} got ${reply.range.first} in order after ${node.high}`);
    node.high = reply.range.last;
  }
  if (settlement.kind === 'left') {
    node.status = 'left';
    return;
  }
  // Clients that cannot be served are refused; sometimes all of them, sometimes only as many as must be.
  if (settlement.kind === 'exhausted')
    node.waiting = world.random.chance(0.5) ? 0 : Math.min(node.waiting, Number(settlement.valuesLeft));
  deal(world, node);
  if (node.waiting > 0 || node.status === 'closing') send(world, node);
};

/** Delivers one message; calls are answered into the network. */
export const deliver = async (world: World, message: Message): Promise<void> => {
  switch (message.kind) {
    case 'reply':
      receive(world, message.node, message.call, message.reply);
      return;
    case 'advance': {
      const request = { ...message, sequence: { prefixKey: '', period: '' }, limit: world.scene.limit };
      const { text, fresh } = await execute(world, message.operation, encodeAdvance(request));
      const to = /^advanced \d+ (\d+)$/.exec(text)?.[1];
      if (fresh && to !== undefined) world.floor = BigInt(to);
      return;
    }
    case 'call': {
      const reply = await deliverCall(world, message.node, message.call);
      world.network.push({ kind: 'reply', node: message.node, call: message.call.call, reply });
    }
  }
};

/** A call and its answer without any fault. */
export const exchange = async (world: World, node: ModelNode): Promise<void> => {
  const call = node.session.pending;
  if (call) receive(world, node, call.call, await deliverCall(world, node, call));
};
