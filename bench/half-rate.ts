/** The latency at half of what the service can do, beside that of the bare route at the same rate. */
import { type Spread, spreadOf } from './figures.ts';
import { type PacedResult, runPaced } from './paced.ts';
import type { RoundsOptions } from './rounds.ts';
import type { Stores } from './stores.ts';
import { SUBJECTS, type Subject } from './subjects.ts';
import { runWrk } from './wrk.ts';

export interface HalfRateResult {
  readonly requestsPerSecond: number;
  readonly bare: readonly PacedResult[];
  readonly redis: readonly PacedResult[];
  /** p99 against that of the bare route in the same round. */
  readonly p99Ratio: Spread | undefined;
}

const CONNECTIONS = 64;

const startBoth = async ({ placement }: RoundsOptions, stores: Stores): Promise<[Subject, Subject]> => {
  const start = async (name: string): Promise<Subject> => {
    const subject = await SUBJECTS[name]?.({ placement, stores });
    if (subject === undefined) throw new Error(`There is no subject ${name}.`);
    return subject;
  };
  return [await start('bare'), await start('redis')];
};

/** @throws when a server does not come up, or the load generator does not run. */
export const runHalfRate = async (options: RoundsOptions, stores: Stores): Promise<HalfRateResult> => {
  const { rounds, seconds, warmUpSeconds, say } = options;
  say('Latency at half of the maximal rate');
  const [bare, redis] = await startBoth(options, stores);
  try {
    const load = { headers: {}, connections: CONNECTIONS, seconds: warmUpSeconds };
    await runWrk({ ...load, url: bare.url + bare.path });
    const most = await runWrk({ ...load, url: redis.url + redis.path });
    const rate = most.requests / (most.durationUs / 1_000_000) / 2;
    const results: { bare: PacedResult; redis: PacedResult }[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const both = { bare: await runPaced(bare, rate, seconds), redis: await runPaced(redis, rate, seconds) };
      say(`  round ${round}  p99: bare ${both.bare.p99Ms.toFixed(2)} ms, redis ${both.redis.p99Ms.toFixed(2)} ms`);
      results.push(both);
    }
    return {
      requestsPerSecond: rate,
      bare: results.map((result) => result.bare),
      redis: results.map((result) => result.redis),
      p99Ratio: spreadOf(results.map((result) => result.redis.p99Ms / result.bare.p99Ms)),
    };
  } finally {
    await bare.close();
    await redis.close();
  }
};
