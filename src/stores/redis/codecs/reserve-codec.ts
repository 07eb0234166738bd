/** Calls of the counter store as the words of `lua/reserve.lua`, and its answers back. */
import type {
  AdvanceReply,
  AdvanceRequest,
  CounterCall,
  CounterReply,
  Fence,
  StandbyAdvice,
} from '../../../core/counter/counter-call.ts';
import type { Range } from '../../../core/values/range.ts';
import type { Receipt } from '../../../core/values/receipt.ts';
import { parseValue } from '../../../core/values/value.ts';

const reportOf = (call: CounterCall): string => {
  let report = '';
  const [released, returned] = call.reissued ? ['gave', 'lost'] : ['released', 'returned'];
  for (const { first, used, offeredIn } of call.released) report += ` ${released}:${first}:${used}:${offeredIn}`;
  for (const { first, last } of call.returned) report += ` ${returned}:${first}:${last}`;
  return report;
};

/** What the receipt of a `once` shall say. */
const receiptOf = ({ sequence, receipt }: CounterCall): string =>
  receipt === undefined
    ? ''
    : ` ${receipt.hash} ${receipt.fingerprint} ${receipt.atMs} p:${sequence.period} ${receipt.series}`;

export const encodeCall = (call: CounterCall): string =>
  `${call.node} ${call.call} ${call.kind} ${call.count} ${call.initialSeq} ${call.limit} ${call.standbySize} ` +
  `${call.holding ? call.holding.offeredIn : '-'} ${call.usedInPart ? 1 : 0} ${call.seen} ${call.epoch} ` +
  `${call.window}${reportOf(call)}${receiptOf(call)}`;

export const encodeAdvance = (request: AdvanceRequest): string =>
  `${request.operation} 1 advance 0 ${request.initialSeq} ${request.limit} 0 - 0 0 ${request.epoch} ${request.window} ` +
  `to:${request.to}`;

export const unreadable = (text: string): Error => new Error(`reserve.lua answered something unknown: ${text}`);

const readRange = (first: string | undefined, last: string | undefined): Range => ({
  first: BigInt(first ?? Number.NaN),
  last: BigInt(last ?? Number.NaN),
});

const KEEP: StandbyAdvice = { kind: 'keep' };
const RECALL: StandbyAdvice = { kind: 'recall' };

const readAdvice = (word: string | undefined): StandbyAdvice => {
  if (word === 'keep' || word === 'left') return KEEP;
  if (word === 'recall') return RECALL;
  const [first, last, offeredIn] = (word ?? '').split('-');
  return { kind: 'offer', segment: { ...readRange(first, last), offeredIn: Number(offeredIn) } };
};

export const corrupt = (text: string): { kind: 'corrupt'; reason: string } => ({
  kind: 'corrupt',
  reason: text.slice('corrupt '.length),
});

export const readFence = (
  epoch: string | undefined,
  ceiling: string | undefined,
  wanted: string | undefined,
): Fence => ({
  epoch: BigInt(epoch ?? Number.NaN),
  ceiling: BigInt(ceiling ?? Number.NaN),
  wanted: BigInt(wanted ?? Number.NaN),
});

const RECEIPT = /^(\S+) (\d+) (\S+) p:(\S*) (.*)$/s;
const RECEIPT_REPLY = /^receipt (new|old) (near|keep) (\d+) (\d+) (\d+) (.*)$/s;

/** @throws Error when the text is no receipt. */
export const decodeReceipt = (text: string): Receipt => {
  const found = RECEIPT.exec(text);
  if (found === null) throw unreadable(text);
  const [, fingerprint = '', atMs, ranges = '', period = '', series = ''] = found;
  return {
    fingerprint,
    atMs: Number(atMs),
    period,
    ranges: ranges.split(',').map((range) => {
      const [first, last] = range.split('-');
      return readRange(first, last);
    }),
    series,
  };
};

/**
 * Whether values of a receipt may have been handed out again: the state had lost them.
 * @param losses `receipts` of the state: "epoch:value …", see reserve.lua.
 */
export const isVoidReceipt = (text: string, losses: string | null): boolean => {
  const [, , ranges = ''] = text.split(' ');
  const [, , epoch = '0'] = (ranges.split(',')[0] ?? '').split('-');
  const { ranges: taken } = decodeReceipt(text);
  return (losses ?? '')
    .split(' ')
    .map((loss) => loss.split(':'))
    .some(
      ([since = '', bound = '']) =>
        Number(epoch) < Number(since) && taken.some(({ last }) => last > (parseValue(bound) ?? 0n)),
    );
};

const readReceiptReply = (text: string): CounterReply => {
  const found = RECEIPT_REPLY.exec(text);
  if (found === null) throw unreadable(text);
  const [, age, near, epoch, ceiling, wanted, receipt = ''] = found;
  return {
    kind: 'receipt',
    receipt: decodeReceipt(receipt),
    replayed: age === 'old',
    standbyNear: near === 'near',
    fence: readFence(epoch, ceiling, wanted),
  };
};

/** @throws Error when the text is not one of the script's answers: then script and code are of different versions. */
export const decodeReply = (text: string): CounterReply => {
  const [kind, a, b, c, d, e, f, g] = text.split(' ');
  switch (kind) {
    case 'taken': {
      const fence = readFence(e, f, g);
      return { kind, range: readRange(a, b), returned: c === 'returned', standby: readAdvice(d), fence };
    }
    case 'nothing':
      return { kind, standby: readAdvice(a), fence: readFence(b, c, d) };
    case 'exhausted':
      return { kind, valuesLeft: BigInt(a ?? Number.NaN), standby: readAdvice(b), fence: readFence(c, d, e) };
    case 'closed':
      return { kind, standby: readAdvice(a), fence: readFence(b, c, d) };
    case 'receipt':
      return readReceiptReply(text);
    case 'conflict':
      return { kind, fence: readFence(a, b, c) };
    case 'stale':
      return { kind, lastCall: Number(a) };
    case 'ceiling':
      return { kind, value: BigInt(a ?? Number.NaN), fence: readFence(b, c, d) };
    case 'forgotten':
    case 'recovering':
      return { kind };
    case 'corrupt':
      return corrupt(text);
    default:
      throw unreadable(text);
  }
};

/** @throws Error when the text is not one of the script's answers. */
export const decodeAdvance = (text: string): AdvanceReply => {
  const [kind, a, b] = text.split(' ');
  switch (kind) {
    case 'advanced': {
      const { first, last } = readRange(a, b);
      return { kind, from: first, to: last };
    }
    case 'behind':
      return { kind, current: BigInt(a ?? Number.NaN) };
    case 'exhausted':
      return { kind, valuesLeft: BigInt(a ?? Number.NaN) };
    case 'ceiling':
      return { kind, value: BigInt(a ?? Number.NaN) };
    case 'closed':
      return { kind };
    case 'recovering':
    case 'forgotten':
      return { kind: 'recovering' };
    case 'corrupt':
      return corrupt(text);
    default:
      throw unreadable(text);
  }
};
