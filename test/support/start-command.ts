/** How `npm start` starts the service, flags of Node included: what is tested and measured is what people run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  scripts: { start: string };
};

const [command, ...args] = scripts.start.split(' ');
if (command !== 'node') throw new Error(`npm start is expected to run node, not ${command}.`);

/** What node is given. */
export const START_ARGS: readonly string[] = args;
