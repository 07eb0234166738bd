/** Claims of keys whose receipts lie elsewhere: what is late is claimed when the store is back, in bounds. */
import { describe, expect, test } from 'vitest';
import { createKeyClaims } from '../../../src/allocators/key-claims.ts';
import { IdempotencyConflictError, StorageUnavailableError } from '../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../src/core/events/events.ts';
import type { ReceiptDraft } from '../../../src/core/values/receipt.ts';

const draft = (hash: string, fingerprint = 'f'): ReceiptDraft => ({ hash, fingerprint, atMs: 0, series: '' });

const start = (lateMax = 10) => {
  const owners = new Map<string, string>();
  const events: NumberGeneratorEvent[] = [];
  const state = { away: false };
  let reachable = (): void => undefined;
  const claims = createKeyClaims({
    store: {
      claim: async ({ hash, fingerprint }) => {
        if (state.away) throw new StorageUnavailableError('away');
        if (!owners.has(hash)) owners.set(hash, fingerprint);
        return owners.get(hash) === fingerprint;
      },
      onReachable: (listener) => {
        reachable = listener;
      },
    },
    emit: (event) => events.push(event),
    retryMs: 5,
    lateMax,
  });
  return { owners, events, state, claims, reach: () => reachable() };
};

describe('claims of idempotency keys', () => {
  test('refuse the key of another request, and let its own pass again', async () => {
    const { claims } = start();
    await claims.claim(draft('a'));
    await claims.claim(draft('a'));
    await expect(claims.claim(draft('a', 'other'))).rejects.toThrow(IdempotencyConflictError);
  });

  test('let a request pass while the store is away, and claim its key when it is back, before any other one', async () => {
    const { claims, owners, state } = start();
    state.away = true;
    await claims.claim(draft('a'));
    state.away = false;
    await claims.claim(draft('b'));
    expect([...owners.keys()]).toEqual(['a', 'b']);
  });

  test('try again by themselves, and tell when a late key belongs to another request', async () => {
    const { claims, owners, events, state } = start();
    owners.set('a', 'first');
    state.away = true;
    await claims.claim(draft('a', 'second'));
    state.away = false;
    await expect.poll(() => events).toEqual([{ type: 'key-used-twice' }]);
    claims.close();
  });

  test('remember so many late keys, and give the oldest up beyond', async () => {
    const { claims, owners, state, reach } = start(2);
    state.away = true;
    for (const hash of ['a', 'b', 'c']) await claims.claim(draft(hash));
    state.away = false;
    reach();
    await expect.poll(() => [...owners.keys()]).toEqual(['b', 'c']);
  });
});
