/** The benchmark: `npm run bench -- --help`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { findOnPath } from '../test/support/redis.ts';
import { type HalfRateResult, runHalfRate } from './half-rate.ts';
import { findPlacement, moveAside, readMachine } from './machine.ts';
import { type BenchOptions, HALF_RATE, HELP, readOptions } from './options.ts';
import { renderReport } from './report.ts';
import { type RoundsOptions, runScenario, type ScenarioResult } from './rounds.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { createStores } from './stores.ts';

const chosenScenarios = ({ scenarios, subjects }: BenchOptions): readonly Scenario[] =>
  SCENARIOS.filter(({ name }) => scenarios.includes(name)).map((scenario) => ({
    ...scenario,
    cells: scenario.cells.filter(({ subject }) => subjects === undefined || subjects.includes(subject)),
  }));

/** What must not happen, however slow the machine: a number twice. */
const findRepeats = (scenarios: readonly ScenarioResult[]): readonly string[] =>
  scenarios.flatMap(({ name, cells }) =>
    cells
      .filter(({ distinct }) => distinct !== undefined && distinct.distinct < distinct.numbers)
      .map(({ label }) => `${name}: ${label} handed out a number twice.`),
  );

const run = async (options: BenchOptions): Promise<void> => {
  if (findOnPath('wrk') === undefined) throw new Error('wrk is missing: .ci/install-tool wrk');
  const placement = findPlacement();
  const machine = readMachine(placement);
  if (placement !== undefined) moveAside(placement);
  const { rounds, seconds, warmUpSeconds } = options;
  const how: RoundsOptions = { rounds, seconds, warmUpSeconds, placement, say: (line) => console.error(line) };
  const stores = createStores();
  const scenarios: ScenarioResult[] = [];
  let halfRate: HalfRateResult | undefined;
  try {
    for (const scenario of chosenScenarios(options)) scenarios.push(await runScenario(scenario, how, stores));
    if (options.scenarios.includes(HALF_RATE)) halfRate = await runHalfRate(how, stores);
  } finally {
    await stores.close();
  }
  const result = { machine, rounds, seconds, scenarios, halfRate };
  console.log(renderReport(result));
  if (options.out !== undefined) {
    mkdirSync(dirname(options.out), { recursive: true });
    writeFileSync(options.out, `${JSON.stringify(result, undefined, 2)}\n`);
    console.log(`Kept in ${options.out}.`);
  }
  const repeats = findRepeats(scenarios);
  if (repeats.length > 0) throw new Error(repeats.join('\n'));
};

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) console.log(HELP);
  else await run(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
