/** How `npm start` starts the service, flags of Node included: what is tested and measured is what people run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What node is given, by the package.json of a checkout. */
export const startArgsOf = (root: string): readonly string[] => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const [command, ...args] = scripts.start.split(' ');
  if (command !== 'node') throw new Error(`npm start is expected to run node, not ${command}.`);
  return args;
};

export const START_ARGS: readonly string[] = startArgsOf(join(import.meta.dirname, '../..'));
