/** Plays many histories, many at a time: `node test/model/campaign.ts '{"kind": …}'`, see `Campaign`. Prints what came of it as JSON. */
import { PHASES, type Phase } from '../../src/allocators/counter/machine/sequence.ts';
import { loadRedisScript } from '../../src/stores/redis/connection/redis-script.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { clear, createWorld, play } from './history.ts';
import { startNode } from './nodes.ts';
import { type Alteration, makeScene, type SceneKind } from './scenes.ts';
import { createScriptRunner, type ScriptRunner } from './script-runner.ts';
import type { World } from './world.ts';

export interface Campaign {
  readonly kind: SceneKind;
  readonly firstSeed: number;
  readonly histories: number;
  /** How many histories run at a time. */
  readonly concurrent?: number;
  /** Replaced in the script. */
  readonly replace?: readonly { readonly from: string; readonly to: string }[];
  /** Holds in all scenes. */
  readonly alter?: Alteration;
  /** Goes on after a broken promise. */
  readonly goesOn?: boolean;
}

export interface Outcome {
  histories: number;
  issued: number;
  crashed: number;
  nodes: number;
  entries: number;
  questions: number;
  seconds: number;
  /** How often each sort of answer was met. */
  readonly met: Record<string, number>;
  /** How often each change of phase was met: "from to". */
  readonly transitions: Record<string, number>;
  /** What was found, told from its beginning. */
  readonly failures: string[];
}

/** More would share more calls of the script, and the caches of the processor less. */
const CONCURRENT = 24;
const FAILURES_MAX = 20;

/** Counts what is asked of the table of phases. */
const spyOnPhases = (transitions: Record<string, number>): void => {
  for (const from of Object.keys(PHASES) as Phase[]) {
    const rule = PHASES[from] as { next: readonly Phase[] };
    const ways = rule.next;
    const includes = (to: Phase): boolean => {
      const name = `${from} ${to}`;
      transitions[name] = (transitions[name] ?? 0) + 1;
      return ways.includes(to);
    };
    rule.next = Object.assign([...ways], { includes });
  }
};

const begin = ({ kind, alter }: Campaign, seed: number, runner: ScriptRunner, tells: boolean): World => {
  const { scene, random } = makeScene(seed, kind, alter);
  const world = createWorld(scene, random, runner, { tells });
  startNode(world);
  startNode(world);
  return world;
};

let lastRejection: unknown;
// What the machine throws while it takes in an answer ends here; the history notices that it has thrown.
process.on('unhandledRejection', (error) => {
  lastRejection = error;
});

const count = (outcome: Outcome, world: World): void => {
  for (const [sort, times] of world.met) outcome.met[sort] = (outcome.met[sort] ?? 0) + times;
  for (const { issued } of world.books) outcome.issued += issued.size;
  outcome.crashed += world.nodes.filter(({ status }) => status === 'crashed').length;
  outcome.nodes += world.nodes.length;
  outcome.questions += world.asked;
};

/** Plays the history again and tells it. */
const retell = async (campaign: Campaign, seed: number, runner: ScriptRunner, error: unknown): Promise<string> => {
  const world = begin(campaign, seed, runner, true);
  const again = await play(world).then(
    () => 'when it was played again, nothing was found',
    (other: unknown) => String(other),
  );
  await clear(world);
  const told = error instanceof Error ? error.message : String(error);
  const text = told.startsWith('seed') || !(error instanceof Error) ? told : `seed ${seed}: ${error.stack}`;
  const same = again === String(error) ? '' : `\nplayed again: ${again}`;
  const thrown = /thrown/.test(text) && lastRejection instanceof Error ? `\n${lastRejection.stack}` : '';
  const lines = Number(process.env['MODEL_LOG'] ?? 60);
  return `${text}${same}${thrown}\n${JSON.stringify(world.scene, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n${world.log?.slice(-lines).join('\n')}`;
};

const runCampaign = async (campaign: Campaign): Promise<Outcome> => {
  const { firstSeed, histories, replace = [], concurrent = CONCURRENT, goesOn = false } = campaign;
  const { client: redis, stop } = await startOwnRedis();
  let script = loadRedisScript('reserve').lua;
  for (const { from, to } of replace) {
    if (script.split(from).length !== 2) throw new Error(`not exactly once in reserve.lua: ${from}`);
    script = script.replace(from, () => to);
  }
  const runner = await createScriptRunner(redis, script);
  const outcome: Outcome = {
    histories: 0,
    issued: 0,
    crashed: 0,
    nodes: 0,
    entries: 0,
    questions: 0,
    seconds: 0,
    met: {},
    transitions: {},
    failures: [],
  };
  spyOnPhases(outcome.transitions);
  const failed: { readonly seed: number; readonly error: unknown }[] = [];
  const started = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < histories && (goesOn ? failed.length < FAILURES_MAX : failed.length === 0)) {
      const seed = firstSeed + next++;
      const world = begin(campaign, seed, runner, false);
      await play(world).catch((error: unknown) => {
        failed.push({ seed, error });
      });
      await clear(world);
      outcome.histories++;
      count(outcome, world);
    }
  };
  // Errors are part of every history, and where they come from is told when one is played again.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  await Promise.all(Array.from({ length: Math.min(concurrent, histories) }, worker));
  Error.stackTraceLimit = stackTraceLimit;
  outcome.seconds = (performance.now() - started) / 1_000;
  outcome.entries = runner.entriesRun;
  failed.sort((a, b) => a.seed - b.seed);
  for (const { seed, error } of failed) outcome.failures.push(await retell(campaign, seed, runner, error));
  await stop();
  return outcome;
};

if (import.meta.filename === process.argv[1]) {
  const outcome = await runCampaign(JSON.parse(process.argv[2] ?? '') as Campaign);
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
