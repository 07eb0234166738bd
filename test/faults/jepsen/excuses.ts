/** Requests that a killed node left without an answer: each excuses as many missing values as it asked for, near its time. */
import type { RequestRecord } from '../../support/history.ts';
import type { RunHistory } from './evidence.ts';

/** Values are passed by the others at about the time when they are lost; standby values are not looked for here. */
const NEAR_MS = 5_000;
/** The connection breaks a little after the node was told to die, or was cut a little before. */
const SLACK_MS = 1_000;

export interface Excuses {
  readonly nodesWereKilled: boolean;
  /** Excuses values that were passed between two requests. @returns how many have no excuse. */
  spend(values: number, before: RequestRecord | undefined, after: RequestRecord | undefined): number;
  spent(): number;
}

export const createExcuses = ({ requests, absences }: RunHistory, sequence: string): Excuses => {
  const kills = absences.filter(({ kind }) => kind === 'killed');
  const killedAt = ({ node, endMs = Number.POSITIVE_INFINITY }: RequestRecord): boolean =>
    kills.some(({ label, fromMs }) => label === node && endMs >= fromMs - SLACK_MS && endMs <= fromMs + SLACK_MS);
  // A refused connection has asked for nothing.
  const cut = requests
    .filter(
      ({ error, prefixKey = '' }) =>
        error !== undefined && error !== 'ECONNREFUSED' && sequence.split(':')[0] === prefixKey,
    )
    .filter(killedAt)
    .map((record) => ({ record, left: record.count }));
  let spent = 0;
  return {
    nodesWereKilled: kills.length > 0,
    spend: (values, before, after) => {
      const times = [before, after].flatMap((record) => (record === undefined ? [] : [record.startMs]));
      const [fromMs, toMs] = [Math.min(...times) - NEAR_MS, Math.max(...times) + NEAR_MS];
      let missing = values;
      for (const entry of cut) {
        if (missing === 0) break;
        const { startMs, endMs = startMs } = entry.record;
        if (startMs > toMs || endMs < fromMs) continue;
        const used = Math.min(missing, entry.left);
        entry.left -= used;
        missing -= used;
        spent += used;
      }
      return missing;
    },
    spent: () => spent,
  };
};
