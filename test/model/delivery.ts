/** What a message does when it arrives. */
import { ceilingWindow } from '../../src/allocators/counter/machine/ceiling-window.ts';
import { owesReport } from '../../src/allocators/counter/machine/session-state.ts';
import { encodeAdvance } from '../../src/stores/redis/codecs/reserve-codec.ts';
import { deliverKeyed, receiveKeyed } from './keyed.ts';
import { deliverReport, install, receiveReport } from './recovery.ts';
import { deliverCall, execute, type Message, type ModelNode, receive, SEQUENCE, type World } from './world.ts';

/** Delivers one message; calls are answered into the network. */
export const deliver = async (world: World, message: Message): Promise<void> => {
  switch (message.kind) {
    case 'reply':
      await receive(world, message.node, message.call, message.reply);
      return;
    case 'report': {
      const reply = await deliverReport(world, message.server, message.report);
      world.network.push({ kind: 'report-reply', node: message.node, reply });
      return;
    }
    case 'once':
      world.network.push(await deliverKeyed(world, message));
      return;
    case 'once-reply':
      await receiveKeyed(world, message);
      return;
    case 'report-reply':
      await receiveReport(world, message.node, message.reply, false);
      return;
    case 'install':
      await install(world, message.server, message.install);
      return;
    case 'advance': {
      const window = world.ceilings === undefined ? ceilingWindow(world.standbySize) : 0;
      const { scene } = world;
      const { limit } = scene;
      const request = { ...message, sequence: SEQUENCE, limit, epoch: 0n, window };
      const server = world.random.pick(world.servers);
      const { text, fresh } = await execute(world, server, {
        id: message.operation,
        epoch: 0n,
        entry: encodeAdvance(request),
      });
      const to = /^advanced \d+ (\d+)/.exec(text)?.[1];
      if (to !== undefined && BigInt(to) > world.advancedTo) world.advancedTo = BigInt(to);
      if (to !== undefined && scene.fence === 'alone') for (const { memories } of world.servers) memories.length = 0;
      if (fresh && to !== undefined && world.servers.length === 1) world.floor = BigInt(to);
      return;
    }
    case 'call': {
      const reply = await deliverCall(world, message.node, message.server, message.call);
      world.network.push({ kind: 'reply', node: message.node, call: message.call.call, reply });
    }
  }
};

/** One message of a node and its answer without any fault. */
export const exchange = async (world: World, node: ModelNode): Promise<void> => {
  const { session, server } = node;
  if (owesReport(session)) {
    const reply = await deliverReport(world, server, node.recovery.reportOf(node.queue));
    await receiveReport(world, node, reply, true);
    for (const message of world.network.splice(0)) if (message.kind === 'install') await deliver(world, message);
    return;
  }
  const call = session.pending;
  if (call) await receive(world, node, call.call, await deliverCall(world, node, server, call));
};
