/** Registers this node where the ceilings are kept: a recovery must know which nodes to wait for. */
import type { CeilingStore } from '../../../core/ceiling/ceiling-store.ts';
import type { Emit } from '../../../core/events/events.ts';

export interface NodeRegistration {
  /** Resolves when this node is registered. @throws the store's error. */
  ensure(): Promise<void>;
  isRegistered(): boolean;
  /** Whether the last renewal is so long ago that other nodes may soon remove this one. */
  isLapsed(): boolean;
  /** Removes this node from the list, after it has left every sequence. @throws the store's error. */
  leave(): Promise<void>;
  close(): void;
}

/** A node is removed after an hour of silence; it stops counting long before that. */
const LAPSED_AFTER_MS = 1_800_000;
const RENEW_INTERVAL_MS = 20_000;
const BURY_EVERY = 30;

export const createNodeRegistration = (ceilings: CeilingStore, node: string, emit: Emit): NodeRegistration => {
  let registeredMs: number | undefined;
  let pending: Promise<void> | undefined;
  let renewals = 0;

  const register = async (): Promise<void> => {
    try {
      await ceilings.register(node);
      registeredMs = performance.now();
    } catch (error) {
      emit({ type: 'node-not-registered', error });
      throw error;
    } finally {
      pending = undefined;
    }
  };
  const renew = (): Promise<void> => {
    pending ??= register();
    return pending;
  };
  const isLapsed = (): boolean => registeredMs !== undefined && performance.now() - registeredMs > LAPSED_AFTER_MS;

  const tick = async (): Promise<void> => {
    await renew();
    renewals += 1;
    if (renewals % BURY_EVERY !== 0) return;
    const nodes = await ceilings.bury();
    if (nodes.length > 0) emit({ type: 'nodes-buried', nodes });
  };
  // A failure is emitted as an event; the next tick tries again.
  const timer = setInterval(() => void tick().catch(() => undefined), RENEW_INTERVAL_MS);
  timer.unref();

  return {
    ensure: async () => {
      if (registeredMs === undefined || isLapsed()) await renew();
    },
    isRegistered: () => registeredMs !== undefined && !isLapsed(),
    isLapsed,
    leave: () => ceilings.leave(node),
    close: () => clearInterval(timer),
  };
};
