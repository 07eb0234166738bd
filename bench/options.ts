/** What the command line of the benchmark takes. */
import { parseArgs } from 'node:util';
import { SCENARIOS } from './scenarios.ts';
import { SUBJECTS } from './subjects.ts';

export interface BenchOptions {
  readonly scenarios: readonly string[];
  /** Undefined: all subjects of a scenario. */
  readonly subjects: readonly string[] | undefined;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Where the figures go as JSON; undefined: nowhere. */
  readonly out: string | undefined;
}

/** The scenario that is no comparison of cells. */
export const HALF_RATE = 'half-rate';

const NAMES = [...SCENARIOS.map(({ name }) => name), HALF_RATE];
const ROUNDS_MAX = 100;
const SECONDS_MAX = 600;

export const HELP = `Measures the service beside a bare Fastify route, in interleaved rounds.

  npm run bench                                   everything; about 40 minutes
  npm run bench -- --scenarios requests,batch     some of: ${NAMES.join(', ')}
  npm run bench -- --subjects bare,redis,sqlite   only these, where a scenario has them: ${Object.keys(SUBJECTS).join(', ')}
      --rounds 5 --seconds 5 --warm-up 3          rounds, and how long each cell is loaded in a round
      --out reports/bench.json                    where the figures are kept (this is the default)
      --smoke                                     one round of a second each: does it still run?

Needs wrk (.ci/install-tool wrk); redis-server and postgres are found as the tests find them; webdis is taken when it is there.`;

const whole = (name: string, text: string, max: number): number => {
  const value = Number(text);
  if (!/^[1-9][0-9]{0,3}$/.test(text) || value > max)
    throw new Error(`--${name} takes a whole number from 1 to ${max}.`);
  return value;
};

const names = (option: string, text: string, known: readonly string[]): readonly string[] => {
  const chosen = text.split(',');
  const unknown = chosen.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`--${option}: there is no ${unknown.join(', ')}. Known: ${known.join(', ')}.`);
  return chosen;
};

/** @returns undefined when help is asked for. @throws Error with a sentence when an option is not understood. */
export const readOptions = (args: readonly string[]): BenchOptions | undefined => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      scenarios: { type: 'string' },
      subjects: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      out: { type: 'string' },
    },
  });
  if (values.help) return undefined;
  const { smoke } = values;
  return {
    scenarios: names('scenarios', values.scenarios ?? (smoke ? 'requests,batch' : NAMES.join(',')), NAMES),
    subjects: values.subjects === undefined ? undefined : names('subjects', values.subjects, Object.keys(SUBJECTS)),
    rounds: whole('rounds', values.rounds ?? (smoke ? '1' : '5'), ROUNDS_MAX),
    seconds: whole('seconds', values.seconds ?? (smoke ? '1' : '5'), SECONDS_MAX),
    warmUpSeconds: whole('warm-up', values['warm-up'] ?? (smoke ? '1' : '3'), SECONDS_MAX),
    out: values.out ?? (smoke ? undefined : 'reports/bench.json'),
  };
};
