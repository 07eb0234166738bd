/** The fence operations of one model server, as the production code that raises ceilings needs them. */
import type { FenceOperations } from '../../src/core/counter/counter-fence.ts';
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
import type { ScriptRunner } from './script-runner.ts';
import type { ModelServer } from './servers.ts';

export const createModelOperations = (runner: ScriptRunner, { keys }: ModelServer): FenceOperations => ({
  report: (reports) =>
    Promise.all(reports.map(async (report) => decodeReportReply(await runner.run(keys, encodeReport(report))))),
  install: async (install) => decodeInstallReply(await runner.run(keys, encodeInstall(install))),
  raiseMany: (moves) =>
    Promise.all(moves.map(async (move) => decodeRaiseReply(await runner.run(keys, encodeMove('raise', move))))),
  propose: async (move) => {
    const reply = await runner.run(keys, encodeMove('propose', move));
    if (reply !== 'proposed' && reply !== 'outrun') throw new Error(`propose was answered: ${reply}`);
    return true;
  },
  accountMany: (sequences) =>
    Promise.all(sequences.map(async () => decodeAccount(await runner.run(keys, encodeAccountRequest())))),
  onRecovery: () => undefined,
});
