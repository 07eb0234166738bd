/** Prefixes that could print the same number are told in /health and in the log, on both stores. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestApp } from '../support/app.ts';
import { startAppOn } from '../support/store-app.ts';

describe.each(['sqlite', 'redis'])('prefixes that print alike on %s', (store) => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startAppOn(store);
  });

  afterAll(() => app.close());

  const told = async (): Promise<string[]> => {
    await app.watchCollisions();
    const { json } = await app.call('GET', '/health');
    const details = json.components.map(({ detail }: { detail?: string }) => detail ?? '');
    return details.filter((detail: string) => detail.includes('prefix-collisions'));
  };

  it('200: /health names a pair with the number both could print, and what to do, until one is changed', async () => {
    await app.call('PUT', '/api/prefix-configs/OV', { format: 'OV{SEQ:4}' });
    await app.call('PUT', '/api/prefix-configs/ELSE', { format: '{prefix}-{SEQ:4}' });
    expect(await told()).toEqual([]);
    await app.call('PUT', '/api/prefix-configs/OV1', { format: 'OV1{SEQ:3}' });
    expect(await told()).toEqual([expect.stringContaining('OV and OV1 could both print OV1001.')]);
    expect(await told()).toEqual([expect.stringContaining('begins with {prefix}')]);
  });

  it('200: a removed prefix has printed its numbers, so another must not print them', async () => {
    await app.call('DELETE', '/api/prefix-configs/OV1');
    expect(await told()).toEqual([expect.stringContaining('OV and OV1 could both print OV1001.')]);
    await app.call('DELETE', '/api/prefix-configs/OV');
    expect(await told()).toEqual([]);
  });
});
