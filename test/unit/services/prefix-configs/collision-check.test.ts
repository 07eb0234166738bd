/** What was compared with another generation of configs is compared again, a few times; and what is known of them is kept up to date. */
import { describe, expect, test } from 'vitest';
import { FormatCollisionError, StorageUnavailableError } from '../../../../src/core/errors.ts';
import type { PrefixConfig } from '../../../../src/core/prefix-config/prefix-config.ts';
import { prefixConfigInputSchema } from '../../../../src/core/prefix-config/prefix-config-rules.ts';
import { createCollisionCheck } from '../../../../src/services/prefix-configs/collision-check.ts';
import { createPrintedPrefixes } from '../../../../src/services/prefix-configs/printed-prefixes.ts';
import { createMemoryPrefixConfigStore } from '../../../../src/stores/memory/memory-prefix-config-store.ts';

const configOf = (prefixKey: string, format: string, fields: object = {}): PrefixConfig => ({
  prefixKey,
  ...prefixConfigInputSchema.parse({ format, ...fields }),
  version: 1,
});

const setUp = () => {
  const store = createMemoryPrefixConfigStore();
  const printed = createPrintedPrefixes(store);
  const check = createCollisionCheck({ printed, random: () => 0 });
  const register = (config: PrefixConfig, mayRead: (prefixKey: string) => boolean = () => true) =>
    check.write(config, mayRead, (generation) => store.insert(config, generation));
  return { store, printed, check, register };
};

describe('a write', () => {
  test('that was overtaken is compared with what overtook it', async () => {
    const { store, check } = setUp();
    const config = configOf('B', 'A1{SEQ:3}');
    const writing = check.write(
      config,
      () => true,
      async (generation) => {
        await store.insert(configOf('A', 'A{SEQ:4}'));
        return store.insert(config, generation);
      },
    );
    await expect(writing).rejects.toMatchObject({
      code: 'FORMAT_COLLISION',
      params: {
        kind: 'meets',
        prefixKey: 'B',
        other: { prefixKey: 'A', format: 'A{SEQ:4}', before: false },
        text: 'A1001',
      },
    });
    expect(await store.find(['B'])).toEqual([undefined]);
  });

  test('that is overtaken by others again and again is compared six times, and then given up', async () => {
    const { store, check } = setUp();
    let tries = 0;
    const config = configOf('B', 'B{SEQ:3}');
    const writing = check.write(
      config,
      () => true,
      async (generation) => {
        tries += 1;
        await store.insert(configOf(`A${tries}`, '{prefix}-{SEQ:4}'));
        return store.insert(config, generation);
      },
    );
    await expect(writing).rejects.toThrow(StorageUnavailableError);
    expect(tries).toBe(6);
  });

  test('is refused when more than 1,000 begin alike, and {prefix} first is told apart from all', async () => {
    const { store, register } = setUp();
    for (let n = 0; n < 1_001; n += 1) await store.insert(configOf(`P${n}`, `X{SEQ:1}-${n}`));
    await expect(register(configOf('NEW', 'X-{SEQ:3}'))).rejects.toMatchObject({
      params: { kind: 'too-many', prefixKey: 'NEW' },
    });
    expect(await register(configOf('NEW', '{prefix}-{SEQ:3}'))).toBe(true);
  });

  test('does not name a prefix that the caller may not read', async () => {
    const { register } = setUp();
    await register(configOf('SECRET', 'A{SEQ:4}'));
    const refused = register(configOf('B', 'A{SEQ:3}'), (prefixKey) => prefixKey !== 'SECRET');
    await expect(refused).rejects.toThrow(FormatCollisionError);
    await expect(refused).rejects.toMatchObject({ params: { kind: 'meets', prefixKey: 'B', other: undefined } });
  });
});

describe('what is known of the prefixes', () => {
  const changed = configOf('A', 'A{SEQ:4}');

  test('is taken up by what was changed, told or read anew', async () => {
    const { store, printed, register } = setUp();
    await register(changed);
    store.preload('HAND', '{"format":"H{SEQ:4}"}');
    expect(await register(configOf('H1', 'H1{SEQ:3}'))).toBe(true);
    printed.note('HAND');
    await expect(register(configOf('H2', 'H2{SEQ:3}'))).rejects.toMatchObject({
      params: { other: { prefixKey: 'HAND' } },
    });
    store.preload('MORE', '{"format":"M{SEQ:4}"}');
    printed.note(undefined);
    await expect(register(configOf('M1', 'M1{SEQ:3}'))).rejects.toMatchObject({
      params: { other: { prefixKey: 'MORE' } },
    });
    store.lose('MORE');
    await printed.readAnew();
    expect(printed.presentKeys()).toEqual(['A', 'H1', 'HAND']);
    expect(await register(configOf('M1', 'M1{SEQ:3}'))).toBe(true);
  });

  test('is kept as it is to be read when the store fails meanwhile', async () => {
    const store = createMemoryPrefixConfigStore();
    let failure: Error | undefined;
    const printed = createPrintedPrefixes({
      ...store,
      find: async (prefixKeys) => {
        if (failure !== undefined) throw failure;
        return store.find(prefixKeys);
      },
    });
    await printed.refresh();
    await store.insert(changed);
    printed.note('A');
    failure = new StorageUnavailableError('Away');
    await expect(printed.refresh()).rejects.toBe(failure);
    failure = undefined;
    await printed.refresh();
    expect(printed.present('A')?.numbering.format).toBe('A{SEQ:4}');
  });

  test('leaves out a format that only a later version can read', async () => {
    const { store, register } = setUp();
    const former = [{ format: 'A{tomorrow}-{SEQ:4}', strategy: 'counter' as const, reset: 'never' as const }];
    await store.insert({ ...changed, former });
    await expect(register(configOf('B', 'A1{SEQ:3}'))).rejects.toThrow(FormatCollisionError);
    expect(await register(configOf('C', 'C1{SEQ:3}'))).toBe(true);
  });
});
