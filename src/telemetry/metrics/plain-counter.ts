/** A counter without labels that is counted up as things happen. */
import type { Registry } from 'prom-client';
import { registerCounter } from './collected.ts';

export const plainCounter = (registry: Registry, name: string, help: string): { add(count?: number): void } => {
  let count = 0;
  registerCounter(registry, { name, help }, () => count);
  return {
    add: (more = 1) => {
      count += more;
    },
  };
};
