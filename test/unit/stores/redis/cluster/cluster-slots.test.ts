/** The arithmetic of a cluster: slots as Redis counts them, ownership by epoch, redirections and nothing else followed. */
import { describe, expect, test } from 'vitest';
import { readRedirection, readSlotView, slotOf } from '../../../../../src/stores/redis/cluster/cluster-slots.ts';

describe('the slot of a key', () => {
  test.each([
    ['', 0],
    ['123456789', 12_739],
    ['foo', 12_182],
    ['{foo}:bar', 12_182],
    ['x{foo}{bar}', 12_182],
    ['sequence:INV', 13_876],
    ['{sequence:INV}:state', 13_876],
  ])('%s', (key, slot) => {
    expect(slotOf(key)).toBe(slot);
  });

  test('an empty tag or an open one is no tag', () => {
    expect(slotOf('{}foo')).not.toBe(slotOf('foo'));
    expect(slotOf('{foo')).not.toBe(slotOf('foo'));
  });
});

describe('the view of a server', () => {
  const NODES = [
    'aaa 10.0.0.1:7000@17000 myself,master - 0 0 3 connected 0-99',
    'bbb 10.0.0.2:7000@17000,host master - 0 0 7 connected 100-16383 [5-<-aaa]',
    'ccc 10.0.0.3:7000@17000 slave bbb 0 0 7 connected',
  ].join('\n');

  test('has the owner of each range with its epoch, replicas among the addresses, and its own host where it names none', () => {
    const view = readSlotView(
      [
        ['0', '99', ['', '7000', 'aaa']],
        [100, 16_383, ['redis-b', 7000, 'bbb'], [null, 7001, 'ccc']],
      ],
      NODES,
      'asked',
    );
    expect(view.ranges).toEqual([
      { first: 0, last: 99, owner: { address: 'asked:7000', id: 'aaa', epoch: 3 } },
      { first: 100, last: 16_383, owner: { address: 'redis-b:7000', id: 'bbb', epoch: 7 } },
    ]);
    expect([...view.addresses]).toEqual(['asked:7000', 'redis-b:7000', 'asked:7001']);
    expect([...view.ids]).toEqual(['aaa', 'bbb', 'ccc']);
  });
});

describe('a redirection', () => {
  test.each([
    ['MOVED 3999 10.0.0.1:7000', { kind: 'moved', address: '10.0.0.1:7000' }],
    ['MOVED 3999 :7000', { kind: 'moved', address: 'asked:7000' }],
    ['ASK 3999 ::1:7000', { kind: 'ask', address: '::1:7000' }],
    ['TRYAGAIN Multiple keys request during rehashing of slot', { kind: 'try-again', address: '' }],
  ])('is followed: %s', (message, redirection) => {
    expect(readRedirection(new Error(message), 'asked')).toEqual(redirection);
  });

  test.each(['CLUSTERDOWN The cluster is down', 'Command timed out', 'Connection is closed.', 'READONLY x', ''])(
    'is not what leaves the outcome open, or cannot be helped: %s',
    (message) => {
      expect(readRedirection(new Error(message), 'asked')).toBeUndefined();
      expect(readRedirection(message, 'asked')).toBeUndefined();
    },
  );
});
