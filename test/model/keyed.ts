/** Clients with idempotency keys: one value set per key, whatever is lost, doubled, or asked for through another node. */

import { makeKeyedCall } from '../../src/allocators/counter/machine/keyed-call.ts';
import { makeRoom } from '../../src/allocators/counter/machine/session.ts';
import { isKnown, owesReport } from '../../src/allocators/counter/machine/session-state.ts';
import type { Range } from '../../src/core/values/range.ts';
import { decodeReply, encodeCall } from '../../src/stores/redis/codecs/reserve-codec.ts';
import { KEY_NAMES, receiptBeside } from './script-runner.ts';
import {
  begin,
  check,
  type KeyedMessage,
  type KeyedReplyMessage,
  type ModelNode,
  meet,
  raise,
  send,
  terms,
  type World,
} from './world.ts';

/** Every client that uses a key asks for as much under it. */
const countOf = (name: string): number => 1 + (Number(name.slice(1)) % 5);

export const sendKeyed = (world: World, node: ModelNode): void => {
  const { session, server } = node;
  if (owesReport(session)) return;
  if (!isKnown(session)) {
    if (!session.pending) send(world, node);
    return;
  }
  for (const name of node.keys) {
    const stranger = world.random.chance(0.05);
    const receipt = { hash: name, fingerprint: stranger ? 'g' : 'f', atMs: 1_000, series: '{"a": "b c"}' };
    const call = makeKeyedCall(session, countOf(name), terms(world), receipt);
    world.network.push({ kind: 'once', node, server, name, call });
  }
};

/** A client comes with a key; more often than not one that others use too. */
export const askKeyed = (world: World, node: ModelNode): void => {
  const { random } = world;
  node.keys.add(random.chance(0.6) ? random.pick(KEY_NAMES) : random.pick(KEY_NAMES.slice(0, 2)));
  if (random.chance(0.1)) makeRoom(node.session, random.chance(0.5) ? 20 : undefined);
  sendKeyed(world, node);
};

const sizeOf = (ranges: readonly Range[]): bigint =>
  ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
const textOf = (ranges: readonly Range[]): string => ranges.map(({ first, last }) => `${first}-${last}`).join(',');

export const deliverKeyed = async (
  world: World,
  { node, server, name, call }: KeyedMessage,
): Promise<KeyedReplyMessage> => {
  const text = await world.runner.run(server.keys, encodeCall(call), receiptBeside(server.keys, name));
  meet(world, text.startsWith('receipt') ? text.split(' ').slice(0, 2).join('-') : text, false);
  world.log.push(`  ${encodeCall(call)} => ${text}`);
  check(world, !text.startsWith('corrupt'), text);
  const reply = decodeReply(text);
  if (reply.kind === 'receipt') {
    const { fingerprint } = reply.receipt;
    check(
      world,
      fingerprint === call.receipt?.fingerprint,
      `${name} of ${call.receipt?.fingerprint} was answered ${text}`,
    );
  }
  if (reply.kind === 'receipt' && !reply.replayed) {
    if (!world.begun) begin(world, text, call.initialSeq);
    const { ranges } = reply.receipt;
    check(world, sizeOf(ranges) === BigInt(call.count), `${name} asked for ${call.count}, got ${textOf(ranges)}`);
    for (const { first, last } of ranges) {
      for (let value = first; value <= last; value++) world.receipted.set(value, name);
      check(world, first > world.floor, `${first} handed out under a key after an advance to ${world.floor}`);
      check(world, last <= world.scene.limit, `${last} handed out under a key above the limit`);
    }
  }
  return { kind: 'once-reply', node, name, reply };
};

/** A client is given what the receipt says: always the same, and nobody else is. */
const issueKeyed = (world: World, name: string, ranges: readonly Range[]): void => {
  const before = world.given.get(name);
  const now = textOf(ranges);
  // A server that forgets may forget receipts too. What was issued under one before is never issued again to others.
  if (world.scene.fence === 'none')
    check(world, before === undefined || before === now, `${name} was given ${before}, now ${now}`);
  world.given.set(name, now);
  for (const { first, last } of ranges) {
    for (let value = first; value <= last; value++) {
      const owner = world.issued.get(value);
      check(world, owner === undefined || owner === name, `${value} was issued to ${owner}, and under ${name}`);
      world.issued.set(value, name);
    }
  }
  world.log.push(`${name} is given ${now}`);
};

export const receiveKeyed = async (world: World, { node, name, reply }: KeyedReplyMessage): Promise<void> => {
  if (node.status !== 'alive' || !node.keys.has(name)) return;
  const settlement = world.scene.code.settleKeyedCall(node.session, reply);
  switch (settlement.kind) {
    case 'settled':
      node.keys.delete(name);
      issueKeyed(world, name, settlement.receipt.ranges);
      if (settlement.standbyDue && !node.session.pending) send(world, node);
      return;
    case 'conflict':
    case 'exhausted':
      node.keys.delete(name);
      return;
    case 'ceiling':
      await raise(world, node, settlement.value + 40n, 0n);
      return;
    case 'report':
      send(world, node);
      return;
    default:
      check(world, settlement.kind === 'again', `${name} was answered ${settlement.kind}`);
  }
};
