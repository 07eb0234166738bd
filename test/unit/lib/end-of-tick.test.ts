/** The end of a turn: shared by all who ask in it, and another one for those who come later. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createEndOfTick } from '../../../src/lib/end-of-tick.ts';

test('the end of a turn is one promise for all who ask in it, kept when the turn ends; whoever asks then gets the next one', async () => {
  const turnEnd = createEndOfTick();
  const order: string[] = [];
  const first = turnEnd();
  expect(turnEnd()).toBe(first);
  void first.then(() => order.push('ended'));
  // Microtasks of the same turn come before its end.
  await Promise.resolve();
  order.push('read');
  await setImmediate();
  expect(order).toEqual(['read', 'ended']);
  expect(turnEnd()).not.toBe(first);
  await turnEnd();
});
