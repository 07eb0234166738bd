/**
 * The calls on a ledger: begins those that the waiting line decides on, repeats one whose outcome is unknown, and
 * answers its requests.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { DataRefusedError, StorageUnavailableError } from '../../core/errors.ts';
import type { LedgerAnswer, LedgerStore, LedgerTake } from '../../core/ledger/ledger-store.ts';
import type { AbandonedCalls } from './abandoned-calls.ts';
import type { GaplessLimits } from './gapless-limits.ts';
import { type LatestStandings, noteTaken } from './latest-standings.ts';
import { readAnswer, type Taken } from './take-outcome.ts';
import { beginCall, type CallEnd, createWaitingLine, endCall, joinLine, type SharedCall } from './waiting-line.ts';

/** Takes values in a call that other requests share. @throws StorageUnavailableError when too many wait; what the answer means. */
export type RequestValues = (name: string, take: LedgerTake) => Promise<Taken>;

interface Dependencies {
  readonly store: Pick<LedgerStore, 'take'>;
  readonly limits: GaplessLimits;
  readonly abandoned: Pick<AbandonedCalls, 'add'>;
  /** Kept up to date with every call. */
  readonly standings: LatestStandings;
}

interface Waiter {
  readonly take: LedgerTake;
  readonly resolve: (taken: Taken) => void;
  readonly reject: (error: unknown) => void;
}

/** Repeats the call until its outcome is known. @throws when nothing was done, or the outcome stays unknown. */
const callLedger = async (
  { store, limits, abandoned, standings }: Dependencies,
  takes: readonly LedgerTake[],
): Promise<readonly LedgerAnswer[]> => {
  const operation = randomUUID();
  let unknown: unknown;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const outcome = await store.take(operation, takes);
      if (outcome.kind === 'done') {
        noteTaken(standings, takes, outcome.answers, limits.sequencesMax);
        return outcome.answers;
      }
      unknown = outcome.reason;
    } catch (error) {
      // A failure says that this attempt did nothing; of an earlier one it says nothing.
      if (unknown === undefined) throw error;
    }
    if (attempt === limits.attemptsMax) break;
    await setTimeout(limits.retryMs * 2 ** (attempt - 1));
  }
  abandoned.add(operation);
  throw unknown;
};

const settle = ({ take, resolve, reject }: Waiter, answer: LedgerAnswer | undefined): void => {
  const outcome = readAnswer(take, answer);
  if (outcome instanceof Error) reject(outcome);
  else resolve(outcome);
};

/** After a call that was refused because of one of them: serves each alone, so that the others succeed. */
const serveOneByOne = async (dependencies: Dependencies, waiters: readonly Waiter[]): Promise<void> => {
  let failure: unknown;
  for (const waiter of waiters) {
    try {
      if (failure !== undefined) throw failure;
      const [answer] = await callLedger(dependencies, [waiter.take]);
      settle(waiter, answer);
    } catch (error) {
      // A store that fails altogether fails for the others too.
      if (!(error instanceof DataRefusedError)) failure = error;
      waiter.reject(error);
    }
  }
};

const serve = async (dependencies: Dependencies, { requests }: SharedCall<Waiter>): Promise<CallEnd> => {
  try {
    const answers = await callLedger(
      dependencies,
      requests.map(({ take }) => take),
    );
    for (const [index, waiter] of requests.entries()) settle(waiter, answers[index]);
    return 'served';
  } catch (error) {
    if (error instanceof DataRefusedError && requests.length > 1) {
      await serveOneByOne(dependencies, requests);
      return 'divided';
    }
    for (const { reject } of requests) reject(error);
    return 'failed';
  }
};

export const createLedgerCalls = (dependencies: Dependencies): RequestValues => {
  const { limits } = dependencies;
  const line = createWaitingLine<Waiter>();

  const pump = (): void => {
    for (let call = beginCall(line, limits); call !== undefined; call = beginCall(line, limits)) void run(call);
  };
  const run = async (call: SharedCall<Waiter>): Promise<void> => {
    endCall(line, call, await serve(dependencies, call));
    pump();
  };

  return (name, take) =>
    new Promise((resolve, reject) => {
      const isWaiting = joinLine(line, name, { take, resolve, reject }, limits);
      if (!isWaiting) reject(new StorageUnavailableError('Too many requests wait for the ledger.'));
      else pump();
    });
};
