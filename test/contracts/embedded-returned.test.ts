/** Values that come back unused to a store in this process: after a write that failed and was repeated when nobody waited any more. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { CounterStore } from '../../src/core/counter/counter-store.ts';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { createMemoryCounterStore } from '../../src/stores/memory/memory-counter-store.ts';
import { createSqliteCounterStore } from '../../src/stores/sqlite/sqlite-counter-store.ts';
import { openSqliteDatabase } from '../../src/stores/sqlite/sqlite-database.ts';
import { call } from './counter-store.contract.ts';

const openSqlite = (): CounterStore => {
  const dir = mkdtempSync(join(tmpdir(), 'test-returned-'));
  const database = openSqliteDatabase(dir);
  onTestFinished(() => {
    database.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return createSqliteCounterStore(database);
};

const SEQUENCE = sequenceOf(seriesOf('INV'), '');

describe.each([
  ['memory', createMemoryCounterStore],
  ['SQLite', openSqlite],
])('values given back to %s', (_, open) => {
  test('are the next ones again when nothing was taken above them', async () => {
    const store = open();
    await store.reserve([call(SEQUENCE, 5, { initialSeq: 7n })]);
    await store.reserve([call(SEQUENCE, 0, { kind: 'leave', returned: [{ first: 10n, last: 12n }] })]);
    expect(await store.inspect(SEQUENCE)).toMatchObject({ value: 9n, origin: 7n });
    expect(await store.reserve([call(SEQUENCE, 1)])).toMatchObject([{ range: { first: 10n, last: 10n } }]);
    expect(await store.listGaps(SEQUENCE, 0n, 10)).toEqual([]);
  });

  test('stand in the gap record when others were taken above them', async () => {
    const store = open();
    await store.reserve([call(SEQUENCE, 5)]);
    const [reply] = await store.reserve([call(SEQUENCE, 1, { returned: [{ first: 2n, last: 3n }] })]);
    expect(reply).toMatchObject({ range: { first: 6n, last: 6n } });
    expect(await store.listGaps(SEQUENCE, 0n, 10)).toMatchObject([
      { range: { first: 2n, last: 3n }, reason: 'void', node: undefined },
    ]);
  });
});
