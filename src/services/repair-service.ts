/** The repair after an older state of PostgreSQL was restored: it is moved forward to what Redis serves, never back. */
import type { CeilingRepair, ServedSequence, ServedSequences } from '../core/ceiling-repair.ts';
import type { Ceiling } from '../core/ceiling-store.ts';
import type { PrefixConfigCopy } from '../core/prefix-config-copy.ts';
import type { PrefixConfigStore } from '../core/prefix-config-store.ts';
import { versionOf } from './config-healer.ts';

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
  readonly live: Pick<PrefixConfigStore, 'list'>;
  readonly copy: PrefixConfigCopy;
}

const PAGE = 500;

const isBehind = (stored: Ceiling | undefined, served: ServedSequence): boolean => {
  if (stored === undefined || stored.epoch < served.epoch) return true;
  return stored.epoch === served.epoch && stored.ceiling < served.ceiling;
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
  const repairPage = async (
    page: Awaited<ReturnType<PrefixConfigStore['list']>>,
    change: boolean,
    say: (line: string) => void,
  ): Promise<number> => {
    const kept = await copy.find(page.map(({ prefixKey }) => prefixKey));
    let behind = 0;
    for (const [index, { prefixKey, stored }] of page.entries()) {
      const version = versionOf(kept[index]);
      if (stored.kind !== 'config' || version >= stored.config.version) continue;
      behind += 1;
      if (change) await copy.write((writer) => writer.put(stored.config));
      const versions = `PostgreSQL ${version === 0 ? 'nothing' : `version ${version}`}; Redis version ${stored.config.version}`;
      say(`prefix config ${prefixKey}: ${versions}: ${change ? 'copied' : 'behind'}`);
    }
    return behind;
  };

  const repairConfigs = async (change: boolean, say: (line: string) => void): Promise<number> => {
    let behind = 0;
    for (let after = ''; ; ) {
      const page = await live.list(after, PAGE);
      const last = page.at(-1);
      if (last === undefined) return behind;
      behind += await repairPage(page, change, say);
      after = last.prefixKey;
    }
  };

  return {
    run: async (change, say) => ({
      ...(await repairSequences(change, say)),
      configsBehind: await repairConfigs(change, say),
    }),
  };
};
