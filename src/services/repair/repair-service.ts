/** The repair after an older state of PostgreSQL was restored: it is moved forward to what Redis serves, never back. */
import type { CeilingRepair, ServedSequence, ServedSequences } from '../../core/ceiling/ceiling-repair.ts';
import type { Ceiling } from '../../core/ceiling/ceiling-store.ts';
import {
  isBehind as isLedgerBehind,
  type KnownMarkStore,
  type LedgerMark,
  type StoredMark,
  type StoredMarks,
} from '../../core/ledger/ledger-mark.ts';
import { compareEntries, settleEntries } from '../../core/prefix-config/entry-settling.ts';
import type { PrefixConfigCopy } from '../../core/prefix-config/prefix-config-copy.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import { NO_ENTRY, type PrefixEntry, versionOf } from '../../core/prefix-config/prefix-history.ts';
import { columnsOf, sequenceKeyOf } from '../../core/values/sequence-id.ts';

export interface RepairSummary {
  readonly sequences: number;
  /** Sequences and prefix configs that were behind: moved forward, or only named when nothing may be changed. */
  readonly sequencesBehind: number;
  readonly configsBehind: number;
  /** Gapless sequences whose ledger went back; and those of them that must be advanced before they can be mended. */
  readonly ledgersBehind: number;
  readonly ledgersToAdvance: number;
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
  /** What was known of the ledger, and the ledger. */
  readonly knownMarks: Pick<KnownMarkStore, 'list'>;
  readonly storedMarks: Pick<StoredMarks, 'read' | 'lift'>;
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

const describeMark = (mark: LedgerMark | undefined): string =>
  mark === undefined ? 'nothing' : `${mark.changes} changes, highest ${mark.value}`;

export const createRepairService = (dependencies: Dependencies): RepairService => {
  const { served, ceilings, live, copy, knownMarks, storedMarks } = dependencies;

  const repairSequence = async (found: ServedSequence, change: boolean): Promise<{ behind: boolean; line: string }> => {
    const { prefixKey, period } = columnsOf(found.sequence);
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
      const name = sequenceKeyOf(found.sequence);
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

  /** @returns whether it has to be advanced first; then nothing was changed. */
  const repairLedger = async (
    known: LedgerMark,
    stored: StoredMark | undefined,
    change: boolean,
    say: (line: string) => void,
  ): Promise<boolean> => {
    const { prefixKey, period } = columnsOf(known.sequence);
    const state = `ledger of ${prefixKey}${period === '' ? '' : ` ${period}`}: PostgreSQL ${describeMark(stored)}; Redis ${describeMark(known)}`;
    if ((stored?.floor ?? 0n) < known.value) {
      const least = stored === undefined || stored.value < known.value ? known.value : stored.value + 1n;
      say(`${state}: went back; advance it to ${least} or more first`);
      return true;
    }
    if (change) await storedMarks.lift(known);
    say(`${state}: ${change ? 'served again' : 'went back, and was advanced since'}`);
    return false;
  };

  const repairLedgers = async (
    change: boolean,
    say: (line: string) => void,
  ): Promise<Pick<RepairSummary, 'ledgersBehind' | 'ledgersToAdvance'>> => {
    const seen = new Set<string>();
    let toAdvance = 0;
    for await (const page of knownMarks.list()) {
      const stored = await storedMarks.read(page.map(({ sequence }) => sequence));
      for (const [index, known] of page.entries()) {
        const name = sequenceKeyOf(known.sequence);
        if (!isLedgerBehind(stored[index], known) || seen.has(name)) continue;
        seen.add(name);
        if (await repairLedger(known, stored[index], change, say)) toAdvance += 1;
      }
    }
    return { ledgersBehind: seen.size, ledgersToAdvance: toAdvance };
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
      ...(await repairLedgers(change, say)),
    }),
  };
};
