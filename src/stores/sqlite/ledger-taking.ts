/** Taking values from the ledger in the embedded database, within a transaction of the caller's. */
import { type LedgerGrant, shareValues } from '../../core/ledger/ledger-rule.ts';
import type { LedgerAnswer, LedgerTake } from '../../core/ledger/ledger-store.ts';
import { judgeReceipt } from '../../core/values/receipt.ts';
import { cellsOf, columnsOf, type SequenceId } from '../../core/values/sequence-id.ts';
import { wide } from './cells.ts';
import type { prepareLedgerStatements } from './ledger-statements.ts';
import type { createSqliteReceipts } from './sqlite-receipts.ts';

export const createLedgerTaking = (
  statements: ReturnType<typeof prepareLedgerStatements>,
  receipts: ReturnType<typeof createSqliteReceipts>,
) => {
  const readValue = (sequence: SequenceId): bigint | undefined => {
    const row = statements.readSequence.get(...cellsOf(sequence));
    return row === undefined ? undefined : BigInt(String(row['value']));
  };

  const writeRow = (take: LedgerTake, value: bigint, nowMs: number): void => {
    const { prefixKey, period } = columnsOf(take.sequence);
    const { reservation, subject = null } = take;
    const keyHash = take.receipt?.hash ?? null;
    const number = take.print(value);
    const key = [prefixKey, period, wide(value)] as const;
    const endMs = reservation === undefined ? null : nowMs + reservation.ttlMs;
    statements.expire.run(...key);
    const state = endMs === null ? 'issued' : 'reserved';
    statements.putRow.run(...key, number, state, endMs, nowMs, nowMs, subject, keyHash, reservation?.id ?? null);
    if (reservation === undefined) return;
    statements.reserve.run(reservation.id, ...key, number, subject, nowMs, endMs);
    if (reservation.share !== undefined) statements.hold.run(reservation.id, reservation.share.name, endMs);
  };

  const answer = (take: LedgerTake, grant: LedgerGrant, nowMs: number): LedgerAnswer => {
    if (grant.kind === 'exhausted') return grant;
    for (const { first, last } of grant.ranges) {
      for (let value = first; value <= last; value += 1n) writeRow(take, value, nowMs);
    }
    const { reservation } = take;
    return { ...grant, expiresAtMs: reservation === undefined ? undefined : nowMs + reservation.ttlMs };
  };

  const isShareHeld = ({ reservation }: LedgerTake, nowMs: number): boolean => {
    const share = reservation?.share;
    if (share === undefined) return false;
    statements.dropHeld.run(nowMs);
    return Number(statements.countHeld.get(share.name, nowMs)?.['held']) >= share.max;
  };

  const takeFresh = (take: LedgerTake, nowMs: number): LedgerAnswer => {
    if (isShareHeld(take, nowMs)) return { kind: 'share-held' };
    const { prefixKey, period } = columnsOf(take.sequence);
    const stored = readValue(take.sequence);
    const free = statements.listFree.all(prefixKey, period, nowMs, take.count).map(([value]) => BigInt(String(value)));
    const { grants, value } = shareValues(stored, free, [take]);
    if (value !== undefined && value !== stored) statements.putSequence.run(prefixKey, period, wide(value));
    // One demand, one grant.
    return answer(take, grants[0] as LedgerGrant, nowMs);
  };

  const takeOne = (take: LedgerTake, nowMs: number): LedgerAnswer => {
    const { receipt: draft, sequence } = take;
    if (draft === undefined) return takeFresh(take, nowMs);
    const found = judgeReceipt(receipts.find(draft.hash), draft);
    if (found.kind !== 'none') return found;
    const taken = takeFresh(take, nowMs);
    if (taken.kind === 'taken')
      receipts.keep(draft.hash, { ...draft, period: columnsOf(sequence).period, ranges: taken.ranges });
    return taken;
  };

  return { readValue, takeOne };
};
