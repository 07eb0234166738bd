/** The way of one node to its stores: it can be cut, healed, cut for good, and lose the replies of the next calls. */
import { StorageTimeoutError, StorageUnavailableError } from '../../src/core/errors.ts';

export interface Link {
  readonly isUp: boolean;
  /** The same port, reached over this link. */
  through<Port extends object>(port: Port): Port;
  cut(): void;
  heal(): void;
  /** The next trips that take values arrive, and their replies do not. */
  loseReplies(count: number): void;
}

type Listener = (subject?: unknown) => void;
type Method = (...values: readonly unknown[]) => unknown;

/** Calls that move a counter or a ledger: a lost reply leaves their outcome unknown to the node. */
const TAKES = new Set(['reserve', 'take']);

export const createLink = (): Link => {
  let up = true;
  let lost = 0;
  const reachable: Listener[] = [];

  /** Hints of a store: not heard while the link is cut; when it is healed all may have changed. */
  const listen = (name: string, subscribe: Method, listener: Listener): void => {
    if (name !== 'onRecovery') reachable.push(() => listener(undefined));
    if (name === 'onReachable') return;
    subscribe((subject: unknown) => {
      if (up) listener(subject);
    });
  };

  const call = async (name: string, method: Method, values: readonly unknown[]): Promise<unknown> => {
    if (!up) throw new StorageUnavailableError('The link is cut.');
    const result = await method(...values);
    if (!TAKES.has(name) || lost === 0) return result;
    lost -= 1;
    const reason = new StorageTimeoutError('The reply was lost.');
    if (name === 'take') return { kind: 'unknown', reason };
    throw reason;
  };

  const through = <Port extends object>(port: Port): Port => {
    const kept = new Map<string, unknown>();
    const wrap = (name: string, member: unknown): unknown => {
      if (typeof member === 'object' && member !== null) return through(member);
      if (typeof member !== 'function') return member;
      const method = member.bind(port) as Method;
      if (name === 'close')
        return (...values: unknown[]) => (values.length === 0 ? method() : call(name, method, values));
      if (/^on[A-Z]/.test(name)) return (listener: Listener) => listen(name, method, listener);
      if (/^is[A-Z]/.test(name)) return method;
      return (...values: unknown[]) => call(name, method, values);
    };
    return new Proxy(port, {
      get: (target, name) => {
        const known = kept.get(String(name));
        if (known !== undefined) return known;
        const wrapped = wrap(String(name), Reflect.get(target, name));
        kept.set(String(name), wrapped);
        return wrapped;
      },
    });
  };

  return {
    get isUp() {
      return up;
    },
    through,
    cut: () => {
      up = false;
    },
    heal: () => {
      up = true;
      lost = 0;
      for (const listener of reachable) listener();
    },
    loseReplies: (count) => {
      lost = count;
    },
  };
};
