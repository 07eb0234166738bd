/** A node whose counter store is slow or away, for the tests of what an outage begins, changes and ends. */
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { machineOn, offer } from '../../../fakes/machine-on.ts';

export const TARGET = targetOf('INV', { standbySize: 5 });

export const AWAY = new StorageUnavailableError('away');

export const LIMITS = { tickMs: 10 ** 9 };

/** Has issued 1, holds the standby 101-105; a call for 2 values is under way. */
export const calling = () => {
  const machine = machineOn({ limits: LIMITS });
  machine.begin(TARGET, { standby: offer(101n, 105n) });
  const request = machine.ask(TARGET, 2);
  return { machine, request };
};

/** The same, and the call has failed; the standby has 103-105 left. */
export const away = () => {
  const parts = calling();
  parts.machine.refuse('reserve', AWAY);
  return parts;
};
