/** Reports, recoveries and ceilings as a node reaches them: the real script, behind the network. */
import type { CounterReport, FenceOperations, ReportReply } from '../../src/core/counter/counter-fence.ts';
import {
  decodeAccount,
  decodeInstallReply,
  decodeRaiseReply,
  decodeReportReply,
  encodeAccountRequest,
  encodeInstall,
  encodeMove,
  encodeReport,
} from '../../src/stores/redis/codecs/fence-codec.ts';
import { bookOf } from './book.ts';
import { ask, NOT_PLAYED } from './network.ts';
import { runEntry } from './servers.ts';
import { reach } from './steps.ts';
import { type Book, type ModelNode, type ModelServer, meet, type World } from './world.ts';

/** Alone, the servers' patience is long enough for everybody who lives and counts here. */
const mayEndAlone = ({ nodes }: World, book: Book, reported: readonly string[]): boolean =>
  nodes.every(
    ({ status, name, shell }) =>
      (status !== 'alive' && status !== 'closing') || reported.includes(name) || !shell.state.sequences.has(book.name),
  );

/** Calls the other nodes for reports; some do not hear of it. */
const callForReports = (world: World, server: ModelServer, book: Book): void => {
  const { scene, random, timeline, nodes, isHealed } = world;
  for (const node of nodes) {
    if (node.server !== server || node.hinted.has(book) || (node.status !== 'alive' && node.status !== 'closing'))
      continue;
    if (node.shell.state.sequences.get(book.name)?.phase === 'recovering') continue;
    if (scene.fence === 'kept' && !isHealed && random.chance(0.5)) continue;
    node.hinted.add(book);
    timeline.plan(timeline.nowMs + scene.latencyMs, () => {
      node.hinted.delete(book);
      return reach(world, node, () => node.hears.recoveryBegan(book.id));
    });
  }
};

const serveReport = async (world: World, server: ModelServer, report: CounterReport): Promise<ReportReply> => {
  const book = bookOf(world, report.sequence);
  const reply = decodeReportReply(await runEntry(world, server, book, encodeReport(report)));
  meet(world, 'reports');
  if (reply.kind !== 'waiting') return reply;
  const isFirstContact = report.epoch === 1n && reply.epoch === 0n;
  if (!isFirstContact) callForReports(world, server, book);
  const isPatient = world.scene.fence !== 'kept' && !world.scene.forgetful;
  return isPatient && !mayEndAlone(world, book, reply.reported) ? { ...reply, sinceMs: 0 } : reply;
};

export const createFencePort = (world: World, node: ModelNode): FenceOperations => {
  const put = <Reply>(
    text: string,
    execute: (server: ModelServer) => Promise<Reply | typeof NOT_PLAYED>,
  ): Promise<Reply> => {
    const { server } = node;
    const isAway = (): boolean => world.timeline.nowMs < server.awayUntilMs;
    return ask(world, node, { text, isAway, execute: () => execute(server) });
  };
  return {
    report: (reports) => {
      const books = reports.map(({ sequence }) => bookOf(world, sequence));
      const sentAt = world.asked + 1;
      return put('report', async (server) => {
        if (books.some(({ index }) => sentAt < (node.voidBefore[index] ?? 0))) return NOT_PLAYED;
        return Promise.all(reports.map((report) => serveReport(world, server, report)));
      });
    },
    install: (install) =>
      put('install', async (server) => {
        const book = bookOf(world, install.sequence);
        const isDone = decodeInstallReply(await runEntry(world, server, book, encodeInstall(install)));
        if (!isDone) return false;
        world.era += 1;
        // Known: a node that only reports ends a recovery without knowing the limit.
        const { jumpTo = 0n, base, limit } = install;
        for (const value of [jumpTo, base]) if (limit > book.limit && value > book.jumpedTo) book.jumpedTo = value;
        // Before the first value, nothing can be missing.
        if (!book.begun && world.ceilings !== undefined)
          book.origin = install.origin ?? install.account?.value ?? install.base;
        return true;
      }),
    raiseMany: (moves) =>
      put('enforce', (server) =>
        Promise.all(
          moves.map(async (move) =>
            decodeRaiseReply(await runEntry(world, server, bookOf(world, move.sequence), encodeMove('raise', move))),
          ),
        ),
      ),
    propose: (move) =>
      put('propose', async (server) => {
        await runEntry(world, server, bookOf(world, move.sequence), encodeMove('propose', move));
        return world.isHealed || world.random.chance(0.8);
      }),
    accountMany: (sequences, epochs) =>
      put('account', (server) =>
        Promise.all(
          sequences.map(async (id, index) =>
            decodeAccount(await runEntry(world, server, bookOf(world, id), encodeAccountRequest(epochs?.[index]))),
          ),
        ),
      ),
    onRecovery: (listener) => {
      node.hears = { ...node.hears, recoveryBegan: listener };
    },
  };
};
