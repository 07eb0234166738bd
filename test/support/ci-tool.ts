/** The programs that CI installs for itself (`.ci/install-tool`), for tests on a machine that lacks them. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const INSTALL_TOOL = join(import.meta.dirname, '../../.ci/install-tool');
const INSTALL_TIMEOUT_MS = 600_000;

/** Where the tool is, once it is there. @throws with the words of the installation that failed. */
export const obtainCiTool = async (name: string): Promise<string> => {
  const { stdout } = await run(INSTALL_TOOL, [name], { timeout: INSTALL_TIMEOUT_MS });
  const path = stdout.trimEnd().split('\n').at(-1)?.split(': ')[1];
  if (path === undefined) throw new Error(`${INSTALL_TOOL} ${name} did not say where it is: ${stdout}`);
  return path;
};
