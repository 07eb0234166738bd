/** The repair after an older state of PostgreSQL was restored: it is moved forward to what Redis serves, never back. */
import type { CeilingRepair, ServedSequence, ServedSequences } from '../core/ceiling-repair.ts';
import type { Ceiling } from '../core/ceiling-store.ts';
import type { PrefixConfigCopy } from '../core/prefix-config-copy.ts';
import type { PrefixConfigStore } from '../core/prefix-config-store.ts';
import { compareEntries, NO_ENTRY, type PrefixEntry, settleEntries, versionOf } from '../core/prefix-history.ts';

export interface RepairSummary {
  readonly sequences: number;
  /** Sequences and prefix configs that were behind: moved forward, or only named when nothing may be changed. */
  readonly sequencesBehind: number;
  readonly configsBehind: number;
}

export interface RepairService {
  /**
   * Compares everything, and changes what is behind if `change` says so. May be repeated, and interrupted.
   * @param say takes one line for the operator per entry. @throws the stores' errors.
   */
  run(change: boolean, say: (line: string) => void): Promise<RepairSummary>;
}

interface Dependencies {
  readonly served: ServedSequences;
  readonly ceilings: CeilingRepair;
  readonly live: Pick<PrefixConfigStore, 'keys' | 'find' | 'histories'>;
  readonly copy: PrefixConfigCopy;
}

const PAGE = 500;

const isBehind = (stored: Ceiling | undefined, served: ServedSequence): boolean => {
  if (stored === undefined || stored.epoch < served.epoch) return true;
  return stored.epoch === served.epoch && stored.ceiling < served.ceiling;
};

const describeEntry = ({ stored, history }: PrefixEntry): string => {
  if (versionOf(stored) > 0) return `version ${versionOf(stored)}`;
  return (history?.removed ?? 0) > 0 ? `version ${history?.removed} removed` : 'nothing';
};

const describe = (at: Ceiling | undefined): string =>
  at === undefined ? 'nothing' : `epoch ${at.epoch}, ceiling ${at.ceiling}`;

export const createRepairService = ({ served, ceilings, live, copy }: Dependencies): RepairService => {
  const repairSequence = async (found: ServedSequence, change: boolean): Promise<{ behind: boolean; line: string }> => {
    const { prefixKey, period } = found.sequence;
    const stored = await ceilings.read(found.sequence);
    const behind = isBehind(stored, found);
    const state = `${prefixKey}${period === '' ? '' : ` ${period}`}: PostgreSQL ${describe(stored)}; Redis ${describe(found)}`;
    if (!behind) return { behind, line: `${state}: in order` };
    if (!change) return { behind, line: `${state}: behind` };
    return { behind, line: `${state}: moved forward to ${describe(await ceilings.moveForward(found))}` };
  };

  const repairSequences = async (
    change: boolean,
    say: (line: string) => void,
  ): Promise<Pick<RepairSummary, 'sequences' | 'sequencesBehind'>> => {
    const seen = new Set<string>();
    let sequencesBehind = 0;
    for await (const found of served.list()) {
      const name = `${found.sequence.prefixKey} ${found.sequence.period}`;
      if (seen.has(name)) continue;
      seen.add(name);
      const { behind, line } = await repairSequence(found, change);
      if (behind) sequencesBehind += 1;
      say(line);
    }
    return { sequences: seen.size, sequencesBehind };
  };

  /** @returns how many configs of this page were behind. */
  const repairPage = async (page: readonly string[], change: boolean, say: (line: string) => void): Promise<number> => {
    const [kept, found, histories] = await Promise.all([copy.find(page), live.find(page), live.histories(page)]);
    let behind = 0;
    for (const [index, prefixKey] of page.entries()) {
      const [inLive, inCopy = NO_ENTRY] = [{ stored: found[index], history: histories[index] }, kept[index]];
      if (compareEntries(inLive, inCopy) <= 0) continue;
      behind += 1;
      if (change) await copy.write((writer) => writer.put(prefixKey, settleEntries(inLive, inCopy).kept));
      const versions = `PostgreSQL ${describeEntry(inCopy)}; Redis ${describeEntry(inLive)}`;
      say(`prefix config ${prefixKey}: ${versions}: ${change ? 'copied' : 'behind'}`);
    }
    return behind;
  };

  const repairConfigs = async (change: boolean, say: (line: string) => void): Promise<number> => {
    let behind = 0;
    for (let after = ''; ; ) {
      const page = await live.keys(after, PAGE);
      const last = page.at(-1);
      if (last === undefined) return behind;
      behind += await repairPage(page, change, say);
      after = last;
    }
  };

  return {
    run: async (change, say) => ({
      ...(await repairSequences(change, say)),
      configsBehind: await repairConfigs(change, say),
    }),
  };
};
