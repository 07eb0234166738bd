/** `npm run jepsen`: reads the command line, runs or replays, prints the outcome, and ends with the code that --help tells. */
import { HELP, readCommand, UsageError } from './options.ts';
import { replayFile } from './replay.ts';
import { describeRun } from './report.ts';
import { runJepsen } from './run.ts';
import { judge, type Verdict } from './verdict.ts';

const EXIT = { clean: 0, findings: 1, usage: 2, broken: 3 } as const;

const exitOf = ({ findings }: Verdict): number => (findings.length === 0 ? EXIT.clean : EXIT.findings);

const replay = async (file: string): Promise<number> => {
  const history = await replayFile(file);
  const verdict = judge(history);
  console.log(describeRun(history, verdict));
  return exitOf(verdict);
};

const main = async (args: readonly string[]): Promise<number> => {
  const command = readCommand(args);
  if (command.kind === 'help') {
    console.log(HELP);
    return EXIT.clean;
  }
  if (command.kind === 'replay') return replay(command.file);
  const { history, verdict, file, broken } = await runJepsen(command.options, console.log);
  // A run that broke off has nothing to be called clean.
  if (broken === undefined || verdict.findings.length > 0) console.log(describeRun(history, verdict));
  if (file !== undefined) console.log(`History: ${file} (logs of the nodes in ${file}.logs)`);
  if (broken === undefined) return exitOf(verdict);
  console.error('The harness broke, so there is no verdict:', broken);
  return EXIT.broken;
};

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n--help tells more.`);
    return EXIT.usage;
  }
  console.error(error);
  return EXIT.broken;
});
