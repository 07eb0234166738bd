/** The servers of a history: each has keys and an identity of its own; they can forget, restart, be copied and come back. */
import { isDeepStrictEqual } from 'node:util';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { createRedisKeys, type SequenceKeys } from '../../src/stores/redis/codecs/redis-keys.ts';
import { receiptBeside, type Stored } from './script-runner.ts';
import { type Book, check, type ModelServer, meet, nameOf, tell, type World } from './world.ts';

/** Gives a server a new identity, as a restart does. */
export const restart = (world: World, server: ModelServer): void => {
  server.identity = nameOf(world, 'run');
};

export const startServer = (world: World): ModelServer => {
  const { books, scene } = world;
  const names = createRedisKeys('');
  const name = `H${scene.seed}${nameOf(world, 's')}`;
  const keys = books.map(({ id, index }) => names.ofSequence(sequenceOf(seriesOf(`${name}q${index}`), id.period)));
  const server = { identity: nameOf(world, 'run'), keys, memories: [], awayUntilMs: 0 };
  world.servers.push(server);
  world.keys.push(...keys);
  return server;
};

const keysOf = ({ keys }: ModelServer, { index }: Book): SequenceKeys => {
  const found = keys[index];
  if (found === undefined) throw new Error(`no sequence ${index}`);
  return found;
};

export const readAll = ({ runner }: World, { keys }: ModelServer): Promise<readonly Stored[]> =>
  Promise.all(keys.map((each) => runner.read(each)));

export const writeAll = async (
  { runner }: World,
  { keys }: ModelServer,
  states: readonly Stored[] | undefined,
): Promise<void> => {
  await Promise.all(keys.map((each, index) => runner.write(each, states?.[index])));
};

/** Keeps a copy of what the server knows now, if it knows anything. */
export const remember = async (world: World, server: ModelServer): Promise<void> => {
  const states = await readAll(world, server);
  if (states.some(({ counter }) => counter !== null)) server.memories.push(states);
};

/** Runs one entry as this server, at this time. */
export const runEntry = async (
  world: World,
  server: ModelServer,
  book: Book,
  entry: string,
  key?: string,
): Promise<string> => {
  const keys = keysOf(server, book);
  const stage = { identity: server.identity, nowMs: world.timeline.nowMs };
  const receipt = key === undefined ? undefined : receiptBeside(keys, key);
  const text = await world.runner.run(stage, keys, entry, receipt);
  tell(world, () => `  ${book.name}@${server.identity}: ${entry} => ${text}`);
  check(world, !text.startsWith('corrupt'), () => text);
  return text;
};

const meetAnswer = (world: World, text: string, repeated: boolean): void => {
  const [kind = '', ...rest] = text.split(' ');
  meet(world, kind);
  for (const word of rest) if (word === 'returned' || word === 'recall') meet(world, word);
  if (rest.at(-4)?.includes('-')) meet(world, 'offer');
  if (repeated) meet(world, 'repeated');
};

/** The first values of the sequence: from here on none may be missing. */
export const begin = (world: World, book: Book, text: string, initialSeq: bigint): void => {
  if (book.begun) return;
  const isAlone = world.ceilings === undefined;
  if (isAlone) book.origin = initialSeq;
  book.begun = isAlone || /^(taken|advanced|receipt)/.test(text);
};

/** Without what it says of the fence. */
const answerOf = (reply: string): string => reply.split(' ').slice(0, -3).join(' ');

export interface NumberedEntry {
  /** Identifies the call: the same again must be answered the same. */
  readonly id: string;
  readonly epoch: bigint;
  readonly initialSeq: bigint;
  readonly entry: string;
  /** It is the only one of its trip, so that what is stored can be looked at before. */
  readonly isOnly: boolean;
}

const checkRepetition = (world: World, text: string, before: string): void => {
  const { forgetful, fence } = world.scene;
  const same =
    answerOf(text) === answerOf(before) ||
    /^(stale|recovering|ceiling)/.test(text) ||
    (text === 'forgotten' && (forgetful || fence !== 'none'));
  check(world, same || forgetful, () => `a repetition answered ${text} after ${before}`);
};

/** Runs a numbered call or an advance. @returns whether this server has not answered it before. */
export const runNumbered = async (
  world: World,
  server: ModelServer,
  book: Book,
  { id, epoch, initialSeq, entry, isOnly }: NumberedEntry,
): Promise<{ text: string; fresh: boolean }> => {
  const { forgetful } = world.scene;
  const keys = keysOf(server, book);
  const answer = book.answers.get(id);
  const era = `${world.era} ${keys.counter} ${epoch}`;
  const before = answer?.era === era ? answer.text : undefined;
  const compares = before !== undefined && isOnly && world.random.chance(0.2);
  const stored = compares ? await world.runner.read(keys) : undefined;
  const text = await runEntry(world, server, book, entry);
  meetAnswer(world, text, before !== undefined);
  if (before === undefined) {
    const refused =
      /^(stale|forgotten|behind|recovering|ceiling)/.test(text) ||
      (id.startsWith('op') && text.startsWith('exhausted'));
    if (refused) return { text, fresh: false };
    begin(world, book, text, initialSeq);
    book.answers.set(id, { text, era });
    const told = `${id} ${answerOf(text)}`;
    const fresh = !book.told.has(told);
    book.told.add(told);
    return { text, fresh };
  }
  checkRepetition(world, text, before);
  if (stored) {
    const after = await world.runner.read(keys);
    check(world, forgetful || isDeepStrictEqual(after, stored), () => 'a repetition changed the state');
  }
  return { text, fresh: false };
};
