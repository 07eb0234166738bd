/** No mode ever sends a command twice when its reply is lost; the defaults of ioredis do. */
import { setTimeout } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import type { RedisTarget } from '../../src/lib/redis-target.ts';
import { runRedisScript } from '../../src/stores/redis/connection/redis-script.ts';
import { startRedisServer } from '../support/redis.ts';
import { COUNT, closeAll, clusterTarget, openRedis, sentinelTarget } from '../support/redis-client.ts';
import { ask, startSentinel, until } from '../support/redis-sentinel.ts';
import { type ReplyProxy, startReplyProxy } from '../support/reply-proxy.ts';

const TIMEOUT_MS = 1_000;
const ignore = (): void => undefined;

interface Scene {
  readonly target: RedisTarget;
  readonly proxy: ReplyProxy;
  /** Looks past the proxy. */
  readonly operator: Redis;
  close(): Promise<void>;
}

const SCENES: readonly (readonly [mode: RedisTarget['mode'], open: () => Promise<Scene>])[] = [
  [
    'standalone',
    async () => {
      const server = await startRedisServer();
      const proxy = await startReplyProxy(server.port);
      return {
        target: { mode: 'standalone', url: `redis://127.0.0.1:${proxy.port}` },
        proxy,
        operator: new Redis(server.url),
        close: () => closeAll(proxy, server),
      };
    },
  ],
  [
    'sentinel',
    async () => {
      const server = await startRedisServer();
      const proxy = await startReplyProxy(server.port);
      // The sentinel watches the proxy too; it must not give the master up meanwhile.
      const sentinel = await startSentinel({ masterPort: proxy.port, quorum: 1, downAfterMs: 60_000 });
      return {
        target: sentinelTarget(`redis://127.0.0.1:${sentinel.port}`),
        proxy,
        operator: new Redis(server.url),
        close: () => closeAll(proxy, sentinel, server),
      };
    },
  ],
  [
    'cluster',
    async () => {
      const proxy = await startReplyProxy();
      const announced = ['--cluster-announce-ip', '127.0.0.1', '--cluster-announce-port', `${proxy.port}`];
      const server = await startRedisServer({ args: ['--cluster-enabled', 'yes', ...announced] });
      proxy.aim(server.port);
      await ask(server, undefined, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
      await until(
        'a cluster',
        async () => String(await ask(server, undefined, 'CLUSTER', 'INFO')).includes('cluster_state:ok') || undefined,
      );
      return {
        target: clusterTarget(`redis://127.0.0.1:${proxy.port}`),
        proxy,
        operator: new Redis(server.url),
        close: () => closeAll(proxy, server),
      };
    },
  ],
];

/** Longer than every pause after which a client library would send again. */
const RESENDING_MS = 1_500;

describe.each(SCENES)('a reply lost in mode %s', (_mode, openScene) => {
  test.each(['swallowed', 'cut'] as const)(
    '(%s) leaves one execution, never two, and the connection comes back',
    async (fate) => {
      const scene = await openScene();
      const client = await openRedis(scene.target, TIMEOUT_MS);
      await runRedisScript(client.commands, COUNT, ['counted'], []);
      scene.proxy.replies(fate);
      await expect(runRedisScript(client.commands, COUNT, ['counted'], [])).rejects.toThrow();
      await expect(client.commands.hget('counted', 'x')).rejects.toThrow();
      await setTimeout(RESENDING_MS / 3);
      scene.proxy.replies('passed');
      await setTimeout(RESENDING_MS);
      expect(await scene.operator.get('counted')).toBe('2');
      await until('the connection', () => runRedisScript(client.commands, COUNT, ['counted'], []));
      expect(await scene.operator.get('counted')).toBe('3');
      const began = performance.now();
      await client.close();
      expect(performance.now() - began).toBeLessThan(5_000);
      scene.operator.disconnect();
      await scene.close();
    },
  );
});

describe('what these tests would see', () => {
  test('the defaults of ioredis execute a command twice when its reply is lost, alone and in a cluster', async () => {
    for (const [mode, openScene] of SCENES) {
      const scene = await openScene();
      const host = { host: '127.0.0.1', port: scene.proxy.port };
      const naive =
        mode === 'sentinel' ? new Redis({ ...host }) : mode === 'cluster' ? new Cluster([host]) : new Redis(host);
      naive.on('error', ignore);
      expect(await naive.incr('counted')).toBe(1);
      scene.proxy.replies('cut');
      const second = naive.incr('counted').catch(ignore);
      await until('the first execution', async () =>
        (await scene.operator.get('counted')) !== '1' && scene.proxy.lost() > 0 ? true : undefined,
      );
      scene.proxy.replies('passed');
      await second;
      expect(Number(await scene.operator.get('counted'))).toBeGreaterThan(2);
      naive.disconnect();
      scene.operator.disconnect();
      await scene.close();
    }
  });
});
