/** Counters in the embedded database: one transaction, so one fsync, for all sequences of a call. */
import { setImmediate } from 'node:timers/promises';
import { createOwnClaims } from '../../core/allowance/own-claims.ts';
import type { CounterCall, CounterReply } from '../../core/counter/counter-call.ts';
import { advanceCounter, type CounterMove, serveCounterCall, settleReturned } from '../../core/counter/counter-rule.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import { CorruptEntryError } from '../../core/errors.ts';
import type { Closure } from '../../core/values/closure.ts';
import type { GapReason } from '../../core/values/gap.ts';
import { cellsOf, columnsOf, type SequenceId, sequenceKeyOf, seriesKeyOf } from '../../core/values/sequence-id.ts';
import { parseValue } from '../../core/values/value.ts';
import { optional, wide } from './cells.ts';
import { prepareCounterStatements } from './counter-statements.ts';
import type { SqliteDatabase } from './sqlite-database.ts';
import { createSqliteProbe } from './sqlite-probe.ts';
import { createSqliteReceipts } from './sqlite-receipts.ts';

const CORRUPT = { kind: 'corrupt', reason: 'the stored counter is not a value' } as const;

const nameOf = ({ node, call, sequence }: CounterCall): string => `${node} ${call} ${sequenceKeyOf(sequence)}`;

type Stored = bigint | undefined | 'corrupt';

/**
 * One process, one writer: no reply is ever lost, so calls need no identity here (but for the time that the disk fails), and no
 * outage asks for a standby.
 */
export const createSqliteCounterStore = (database: SqliteDatabase): CounterStore => {
  const { handle, transact, write, flush } = database;
  const receipts = createSqliteReceipts(handle);
  const claimIn = createOwnClaims();
  const statements = prepareCounterStatements(handle);
  /** Replies that were not given, because the flush failed: the same call again gets them. A receipt is found by itself. */
  const unflushed = new Map<string, CounterReply>();

  const read = (sequence: SequenceId): Stored => {
    const row = statements.select.get(...cellsOf(sequence));
    return row === undefined ? undefined : (parseValue(String(row['value'])) ?? 'corrupt');
  };

  const readClosure = (sequence: SequenceId): Closure | undefined => {
    // Only periods end: a sequence without is spared the question.
    const row = sequence.period === '' ? undefined : statements.selectClosure.get(...cellsOf(sequence));
    if (row === undefined) return undefined;
    const [subject, requestId] = [optional(row['subject']), optional(row['request_id'])];
    return {
      ...{ reason: String(row['reason']), closedAtMs: Number(row['closed_at_ms']) },
      ...(subject !== undefined && { subject }),
      ...(requestId !== undefined && { requestId }),
    };
  };
  const readOrigin = (sequence: SequenceId): bigint | undefined =>
    parseValue(String(statements.selectOrigin.get(...cellsOf(sequence))?.['origin']));

  const move = <Reply>(
    { sequence, initialSeq }: Pick<CounterCall, 'sequence' | 'initialSeq'>,
    rule: (stored: bigint | undefined) => CounterMove<Reply>,
  ): Reply | typeof CORRUPT => {
    const stored = read(sequence);
    if (stored === 'corrupt') return CORRUPT;
    const { prefixKey, period } = columnsOf(sequence);
    const { reply, value, jumped } = rule(stored);
    if (value !== undefined) statements.upsert.run(prefixKey, period, value.toString(), initialSeq.toString());
    if (jumped !== undefined) {
      statements.insertGap.run(prefixKey, period, wide(jumped.first), wide(jumped.last), 'advance', null, Date.now());
    }
    return reply;
  };

  const takeBack = ({ sequence, returned, initialSeq }: CounterCall): void => {
    if (returned.length === 0) return;
    const stored = read(sequence);
    if (stored === undefined || stored === 'corrupt') return;
    const { prefixKey, period } = columnsOf(sequence);
    const { value, gaps } = settleReturned(stored, returned, initialSeq);
    if (value !== stored) statements.upsert.run(prefixKey, period, value.toString(), initialSeq.toString());
    for (const { range, reason } of gaps) {
      statements.insertGap.run(prefixKey, period, wide(range.first), wide(range.last), reason, null, Date.now());
    }
  };

  const serve = (call: CounterCall): CounterReply => {
    const { sequence } = call;
    const answered = unflushed.size === 0 ? undefined : unflushed.get(nameOf(call));
    if (answered !== undefined) return answered;
    takeBack(call);
    const isClosed = readClosure(sequence) !== undefined;
    return move(call, (stored) => serveCounterCall(stored, call, isClosed, receipts));
  };

  return {
    source: 'sqlite',

    reserve: async (calls) => {
      // Waiting for the end of the turn lets its requests be read first, so that they share a commit.
      await setImmediate();
      const replies = write(() => calls.map(serve));
      try {
        await flush();
      } catch (error) {
        calls.forEach((call, index) => {
          if (call.receipt === undefined) unflushed.set(nameOf(call), replies[index] ?? CORRUPT);
        });
        throw error;
      }
      if (unflushed.size > 0) for (const call of calls) unflushed.delete(nameOf(call));
      return replies;
    },

    claim: async (draft) => claimIn(draft, receipts.find),

    advance: async (request) =>
      transact(() =>
        readClosure(request.sequence) === undefined
          ? move(request, (stored) => advanceCounter(stored, request))
          : { kind: 'closed' },
      ),

    close: async (sequence, closure) =>
      transact(() => {
        const { reason, closedAtMs, subject = null, requestId = null } = closure;
        statements.insertClosure.run(...cellsOf(sequence), reason, closedAtMs, subject, requestId);
        return readClosure(sequence) ?? closure;
      }),

    inspect: async (sequence) => {
      const { value, origin, closed } = transact(() => ({
        value: read(sequence),
        origin: readOrigin(sequence),
        closed: readClosure(sequence),
      }));
      if (value === 'corrupt') throw new CorruptEntryError(sequence.series.prefixKey, CORRUPT.reason);
      // Values only ever come into the gap record together with the counter that passes them.
      return { value, origin, free: [], ahead: [], changes: '', recovering: false, closed };
    },

    listPeriods: async (series, after, limit) =>
      transact(() => statements.selectPeriods.all(seriesKeyOf(series), after ?? null, after ?? null, limit)).map(
        ([period]) => String(period),
      ),

    listGaps: async (sequence, after, limit) =>
      transact(() => statements.selectGaps.all(...cellsOf(sequence), wide(after), limit)).map(
        ([first, last, reason, node, recordedAtMs]) => ({
          range: { first: BigInt(String(first)), last: BigInt(String(last)) },
          reason: String(reason) as GapReason,
          node: optional(node),
          recordedAtMs: Number(recordedAtMs),
        }),
      ),

    countGaps: async (sequence) => Number(transact(() => statements.countGaps.get(...cellsOf(sequence)))?.['entries']),

    findReceipt: async (_series, hash) => transact(() => receipts.find(hash)),

    checkHealth: createSqliteProbe(database),

    onReachable: () => undefined,
  };
};
