/** Events reach every listener with their circumstances: an id, the time, the actor and the request. */
import { expect, test } from 'vitest';
import { createEventHub } from '../../../../src/core/events/event-hub.ts';
import type { EventEnvelope } from '../../../../src/core/events/events.ts';

const setUp = (node = 'n1') => {
  const clock = { nowMs: 1_000, now: () => clock.nowMs };
  const hub = createEventHub({ clock, node });
  const heard: EventEnvelope[][] = [[], []];
  for (const envelopes of heard) hub.listen((envelope) => envelopes.push(envelope));
  return { clock, hub, heard };
};

test('an event of the process itself has an id and a time, and nobody behind it', () => {
  const { hub, heard } = setUp();
  hub.emit({ type: 'store-returned' });
  const envelope = { atMs: 1_000, actor: undefined, requestId: undefined, workspace: '' };
  const wanted = [{ id: 'n1-1', ...envelope, event: { type: 'store-returned' } }];
  expect(heard).toEqual([wanted, wanted]);
});

test('an event that a caller caused names the caller and the request', () => {
  const { hub, heard } = setUp();
  hub.emit({ type: 'key-used-twice' }, { subject: 'alice', requestId: 'r-7', client: 'caller alice' });
  expect(heard[0]).toMatchObject([{ actor: 'alice', requestId: 'r-7' }]);
});

test('no two events have one id, whatever node they are of', () => {
  const ids = ['n1', 'n2'].flatMap((node) => {
    const { hub, heard } = setUp(node);
    for (let count = 0; count < 3; count += 1) hub.emit({ type: 'stop-began' });
    return heard[0]?.map(({ id }) => id) ?? [];
  });
  expect(new Set(ids).size).toBe(6);
});
