/** A gapless series under reservations while PostgreSQL, its replies and the nodes are killed at random: finished without a hole. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { LedgerRow, Reservation } from '../../../src/core/ledger/ledger-rule.ts';
import { sequenceOf, seriesOf } from '../../../src/core/values/sequence-id.ts';
import { createPostgresClient } from '../../../src/stores/postgres/postgres-client.ts';
import { createPostgresLedgerStore } from '../../../src/stores/postgres/postgres-ledger-store.ts';
import { createRandom } from '../../model/random.ts';
import { until } from '../until.ts';
import { type LedgerJournal, runLedgerClients } from './ledger-clients.ts';
import { startLedgerNodes } from './ledger-nodes.ts';
import { judgeLedger } from './ledger-verdict.ts';

/** The long run is 10,000. */
const RESERVATIONS = Number(process.env['GAPLESS_RESERVATIONS'] ?? 500);
const SEED = Number(process.env['GAPLESS_SEED'] ?? 1);
const SEQUENCE = sequenceOf(seriesOf('INV'), '');
const PAGE = 1_000;

/** All pages of a list. */
const listAll = async <Item>(read: (last: Item | undefined) => Promise<readonly Item[]>): Promise<Item[]> => {
  const items: Item[] = [];
  for (;;) {
    const page = await read(items.at(-1));
    items.push(...page);
    if (page.length < PAGE) return items;
  }
};

test('reservations confirmed, voided and left to expire, nodes and PostgreSQL killed at random: no hole, every value accounted for', {
  timeout: 1_200_000,
}, async () => {
  const random = createRandom(SEED);
  const choices = createRandom(SEED + 1);
  const nodes = await startLedgerNodes(3);
  const database = createPostgresClient(nodes.postgres.url, 10_000, () => undefined);
  try {
    const store = createPostgresLedgerStore(database);
    const url = (): string => nodes.anyUrl(choices);
    const registered = await fetch(`${url()}/api/prefix-configs/INV`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ format: 'INV-{SEQ:6}', strategy: 'gapless' }),
    });
    expect(registered.status).toBe(200);

    const journal: LedgerJournal = { issued: [], reserved: [], failures: 0 };
    let finished = false;
    const clients = runLedgerClients(
      { reservations: RESERVATIONS, clients: 24, prefixKey: 'INV', anyUrl: url },
      journal,
    ).finally(() => {
      finished = true;
    });
    const faults = new Map<string, number>();
    const nemesis = async (): Promise<void> => {
      while (!finished) {
        const name = await nodes.disturb(random);
        faults.set(name, (faults.get(name) ?? 0) + 1);
        await delay(200 + random.below(800));
      }
    };
    await Promise.all([clients, nemesis()]);

    const listReservations = (): Promise<Reservation[]> =>
      listAll((last: Reservation | undefined) => store.listReservations(SEQUENCE, last, PAGE));
    const areAllEnded = async (): Promise<boolean> =>
      (await listReservations()).every(({ state }) => state !== 'reserved');
    await until('all reservations have ended', areAllEnded);
    // The series is finished: what is free is taken, until nothing is.
    const takeFree = async (): Promise<boolean> => {
      const { free } = await store.inspect(SEQUENCE);
      if (free === 0n) return true;
      const reply = await fetch(`${url()}/api/numbers/INV?count=${free < 1_000n ? free : 1_000n}`);
      if (reply.status === 200) journal.issued.push(...((await reply.json()) as { numbers: string[] }).numbers);
      return false;
    };
    await until('nothing is free', takeFree);

    const rows = await listAll((last: LedgerRow | undefined) => store.listRows(SEQUENCE, last?.value ?? 0n, PAGE));
    const reservations = await listReservations();
    const verdict = judgeLedger({ rows, reservations, issued: journal.issued, reserved: journal.reserved });
    const count = (outcome: string): number =>
      journal.reserved.filter((reservation) => reservation.outcome === outcome).length;
    console.info(
      `gapless: ${rows.length} values, ${reservations.length} reservations (${count('confirmed')} confirmed, ${count('void')} voided, ` +
        `${count('expired') + count('unknown')} expired), ${journal.failures} failed requests, ${verdict.unheard} issued unheard, ` +
        `faults ${JSON.stringify(Object.fromEntries(faults))}`,
    );
    expect(verdict.findings).toEqual([]);
    expect(journal.reserved).toHaveLength(RESERVATIONS);
    expect(count('confirmed')).toBeGreaterThan(RESERVATIONS / 4);
    expect(count('void')).toBeGreaterThan(RESERVATIONS / 4);
    // Only a node that was killed can have committed what nobody heard of: one call of each at most.
    expect(verdict.unheard).toBeLessThanOrEqual((faults.get('node killed') ?? 0) * 24);
  } finally {
    await database.close();
    await nodes.close();
  }
});
