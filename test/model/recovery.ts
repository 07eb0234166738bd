/** Recoveries of a history: the steps are the production code's; reports, answers and installs travel through the network. */

import type { WaitingReply } from '../../src/allocators/counter/machine/recovery-decision.ts';
import { createRecoverySteps, type RecoverySteps } from '../../src/allocators/counter/fencing/recovery-steps.ts';
import { ceilingWindow } from '../../src/allocators/counter/machine/ceiling-window.ts';
import type { CounterInstall, CounterReport, ReportReply } from '../../src/core/counter/counter-fence.ts';
import {
  decodeInstallReply,
  decodeReportReply,
  encodeInstall,
  encodeReport,
} from '../../src/stores/redis/codecs/fence-codec.ts';
import type { ModelServer } from './servers.ts';
import { check, type ModelNode, send, type World, windowOf } from './world.ts';

/** A node's part in recoveries, as the service runs it. What it ends one with is sent, and may be lost, doubled or late. */
export const createModelRecovery = (world: World, name: string): RecoverySteps =>
  createRecoverySteps({
    node: name,
    operations: {
      install: async (install) => {
        world.log.push(`  granted: ${encodeInstall(install)}`);
        const sort = install.jumpTo === undefined ? 'exact' : 'jump';
        world.met.set(sort, (world.met.get(sort) ?? 0) + 1);
        const node = world.nodes.find((other) => other.name === name);
        if (node) world.network.push({ kind: 'install', server: node.server, install });
        return false;
      },
    },
    ceilings: world.ceilings,
    emit: () => undefined,
    // Nothing is away in this world, so nothing may go wrong.
    onTrouble: (_queue, error) => check(world, false, `${name} cannot take part in the recovery: ${error}`),
    decide: world.scene.code.decideInstall,
    windowFor: (standbySize) => (world.ceilings === undefined ? ceilingWindow(standbySize) : windowOf(world)),
  });

const mayEndAlone = (world: World, waiting: WaitingReply): boolean =>
  world.nodes.every(({ status, name }) => status === 'left' || status === 'crashed' || waiting.reported.includes(name));

/** How long the recovery has been under way, so that all that the node's patience decides happens. */
const waitedMs = (world: World, waiting: WaitingReply, ends: boolean): number => {
  // Alone, the servers' patience is long enough for everybody who lives.
  if (world.ceilings === undefined && !mayEndAlone(world, waiting)) return 0;
  // At the end time goes on, for who was refused asks again only later.
  return ends ? 20_000 + 1_000 * (world.met.get('reports') ?? 0) : world.random.pick([0, 1_500, 9_000, 20_000]);
};

export const receiveReport = async (
  world: World,
  node: ModelNode,
  reply: ReportReply,
  ends: boolean,
): Promise<void> => {
  if (node.status !== 'alive' && node.status !== 'closing') return;
  const timed = reply.kind === 'waiting' ? { ...reply, sinceMs: waitedMs(world, reply, ends) } : reply;
  const outcome = await node.recovery.takeIn(node.queue, timed);
  const goesOn = outcome === 'served' ? node.waiting > 0 || node.status === 'closing' : reply.kind === 'recovering';
  if (goesOn) send(world, node);
};

export const install = async (world: World, { keys }: ModelServer, message: CounterInstall): Promise<void> => {
  const text = await world.runner.run(keys, encodeInstall(message));
  world.log.push(`  installs ${message.epoch}: ${text}`);
  if (!decodeInstallReply(text)) return;
  world.era += 1;
  // Before the first value, nothing can be missing.
  if (world.begun || world.ceilings === undefined) return;
  world.origin = message.account?.value ?? message.base;
};

export const deliverReport = async (
  world: World,
  { keys }: ModelServer,
  report: CounterReport,
): Promise<ReportReply> => {
  const text = await world.runner.run(keys, encodeReport(report));
  world.log.push(`  ${encodeReport(report)} => ${text}`);
  world.met.set('reports', (world.met.get('reports') ?? 0) + 1);
  check(world, !text.startsWith('corrupt'), text);
  return decodeReportReply(text);
};
