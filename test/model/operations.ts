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
  raise: async (move) => decodeRaiseReply(await runner.run(keys, encodeMove('raise', move))),
  propose: async (move) => {
    decodeRaiseReply(await runner.run(keys, encodeMove('propose', move)));
    return true;
  },
  readAccount: async () => decodeAccount(await runner.run(keys, encodeAccountRequest())),
  onRecovery: () => undefined,
});
