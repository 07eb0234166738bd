/** Reports, recoveries and ceilings as the words of `lua/reserve/fence.lua` and `recovery.lua`, and their answers back. */
import type {
  AccountReply,
  CeilingMove,
  CounterInstall,
  CounterReport,
  RaiseReply,
  ReportReply,
} from '../../../core/counter/counter-fence.ts';
import type { Gap } from '../../../core/values/gap.ts';
import { parseValue } from '../../../core/values/value.ts';
import { encodeClosure } from './closure-codec.ts';
import { readGap } from './gap-record.ts';
import { corrupt, readFence, unreadable } from './reserve-codec.ts';

/** What stands for the node in entries that come from no node in particular. */
const NOBODY = 'recovery';

export const encodeReport = (report: CounterReport): string => {
  const { holding } = report;
  let text =
    `${report.node} ${report.settled} ${report.sworn ? 'report' : 'late'} 0 ${report.initialSeq} 0 0 ` +
    `${holding ? holding.offeredIn : '-'} 0 ${report.seen} ${report.epoch} ${report.window} at:${report.settledEpoch}`;
  if (report.recovery !== undefined) text += ` rec:${report.recovery.server}:${report.recovery.time}`;
  if (report.brief) return `${text} brief`;
  text += ` pending:${report.pending} top:${report.top}`;
  text += report.last === undefined ? ' last:-' : ` last:${report.last.first}:${report.last.last}`;
  if (holding !== undefined) text += ` held:${holding.first}:${holding.last}`;
  for (const { first, last } of report.taken) text += ` taken:${first}:${last}`;
  return text;
};

const listOf = (word: string | undefined): readonly string[] => (word === '-' ? [] : (word ?? '').split(','));

/** @throws Error when the text is not one of the script's answers. */
export const decodeReportReply = (text: string): ReportReply => {
  const [kind, a, b, c, d, e, f, g, h, i] = text.split(' ');
  switch (kind) {
    case 'reported':
      return { kind, fence: readFence(a, b, c) };
    case 'waiting':
      return {
        kind,
        recovery: { server: a ?? '', time: b ?? '' },
        sinceMs: Number(c),
        epoch: BigInt(d ?? Number.NaN),
        ceiling: BigInt(e ?? Number.NaN),
        highest: BigInt(f ?? Number.NaN),
        reported: listOf(g),
        missing: listOf(h),
        sworn: BigInt(i ?? Number.NaN),
      };
    case 'recovering':
      return { kind };
    case 'corrupt':
      return corrupt(text);
    default:
      throw unreadable(text);
  }
};

const encodeGap = ({ range, reason, node, recordedAtMs }: Gap): string =>
  ` gap:${range.first}:${range.last}:${reason}:${node ?? '-'}:${Math.floor(recordedAtMs / 1_000)}`;

export const encodeInstall = (install: CounterInstall): string => {
  const { account } = install;
  let text =
    `${NOBODY} 0 install 0 ${install.initialSeq} ${install.limit} 0 - 0 0 ${install.epoch} ${install.window} ` +
    `fence:${install.recovery.server}:${install.ceiling} time:${install.recovery.time} base:${install.base}`;
  if (install.grantedSince !== undefined) text += ` since:${install.grantedSince}`;
  if (install.jumpTo !== undefined) text += ` jump:${install.jumpTo}`;
  if (install.closure !== undefined) text += ` closed:${encodeURIComponent(encodeClosure(install.closure))}`;
  if (install.origin !== undefined) text += ` origin:${install.origin}`;
  if (account === undefined) return text;
  text += ` account:${account.value}:${account.changes}`;
  for (const gap of account.gaps) text += encodeGap(gap);
  return text;
};

/** @throws Error when the text is not one of the script's answers. */
export const decodeInstallReply = (text: string): boolean => {
  if (text.startsWith('installed ')) return true;
  if (text === 'outrun') return false;
  throw unreadable(text);
};

export const encodeMove = (kind: 'raise' | 'propose', { epoch, ceiling }: CeilingMove): string =>
  `${NOBODY} 0 ${kind} 0 0 0 0 - 0 0 ${epoch} 0 ceiling:${ceiling}`;

/** @throws Error when the text is not one of the script's answers. */
export const decodeRaiseReply = (text: string): RaiseReply => {
  const [kind, a, b, c] = text.split(' ');
  switch (kind) {
    case 'raised':
      return { kind, fence: readFence(a, b, c) };
    case 'outrun':
      return { kind };
    case 'corrupt':
      return corrupt(text);
    default:
      throw unreadable(text);
  }
};

/** @param epoch in which the sequence is served; a server that has parted counts in another. Default: any. */
export const encodeAccountRequest = (epoch = 0n): string => `${NOBODY} 0 account 0 0 0 0 - 0 0 ${epoch} 0`;

/** @throws Error when the text is not one of the script's answers. */
export const decodeAccount = (text: string): AccountReply => {
  const [kind, value, changes, ...words] = text.split(' ');
  if (kind === 'outrun') return { kind: 'unserved' };
  if (kind === 'corrupt') return corrupt(text);
  if (kind !== 'account') throw unreadable(text);
  const gaps = new Map<string, Gap>();
  let origin: bigint | undefined;
  for (const word of words) {
    if (word.startsWith('origin:')) origin = parseValue(word.slice('origin:'.length));
    const [, first = '', last = '', reason = '', holder = '', seconds = ''] = word.split(':');
    const gap = readGap(first, `${last} ${reason} ${holder} ${seconds}`);
    if (gap !== undefined) gaps.set(first, gap);
  }
  const account = { value: BigInt(value ?? Number.NaN), changes: Number(changes), gaps: [...gaps.values()], origin };
  return { kind, account };
};
