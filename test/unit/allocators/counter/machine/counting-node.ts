/** A node that counts in one sequence whose ceiling is kept elsewhere, and the answers of the stores that raise it. */
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { type Machine, type MachineOptions, machineOn, taken } from '../../../fakes/machine-on.ts';

export const AWAY = new StorageUnavailableError('PostgreSQL away');

export interface Parts extends MachineOptions {
  readonly ceiling?: bigint;
  readonly wanted?: bigint;
  readonly seen?: bigint;
  readonly limit?: bigint;
  readonly standbySize?: number;
}

export const ELSEWHERE = { keepsCeilings: true, limits: { tickMs: 10 ** 9 } };

/** A sequence that counts in epoch 1 up to `ceiling`, of which this node has just been given everything up to `seen`. */
export const countingUpTo = (parts: Parts = {}) => {
  const { ceiling = 10_000n, wanted = 0n, seen = 1n, limit = VALUE_MAX, standbySize = 0, ...options } = parts;
  const machine = machineOn({ ...ELSEWHERE, ...options });
  const target = targetOf('INV', { limit, standbySize });
  const sequence = machine.begin(target, { last: seen, fence: { epoch: 1n, ceiling, wanted } });
  return { machine, target, sequence, kept: () => machine.askedOf('raise').flatMap(({ raises }) => raises) };
};

/** Every ceiling is raised at once. */
export const raise = (machine: Machine): void => {
  machine.respond('account', ({ moves }) => moves.map(() => ({ kind: 'unserved' })));
  machine.respond('raise', ({ raises }) => raises.map(({ ceiling }) => ({ kind: 'raised', ceiling })));
  machine.respond('enforce', ({ ceilings }) =>
    ceilings.map(({ epoch, ceiling }) => ({ kind: 'raised', fence: { epoch, ceiling, wanted: 0n } })),
  );
};

/** Asks for `count` values, which the store serves. */
export const count = ({ machine, target, sequence }: ReturnType<typeof countingUpTo>, values: number): void => {
  const { seen, fence } = sequence.session;
  machine.ask(target, values);
  machine.reply('reserve', [taken(seen + 1n, seen + BigInt(values), fence && { fence })]);
};
