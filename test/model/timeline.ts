/** Virtual time: what is planned happens one after the other, in the order of its time, and time leaps from one to the next. */

export interface Timeline {
  readonly nowMs: number;
  /** What happens at a time that has passed happens next. @returns takes it off the plan. */
  plan(atMs: number, happen: () => unknown): Planned;
  /** Time goes on, and nothing happens meanwhile: what was planned comes late. */
  leap(byMs: number): void;
  /** The time of what happens next; undefined: nothing is planned. */
  nextAtMs(): number | undefined;
  /** Lets the next thing happen, and waits until it has. */
  goOn(): unknown;
}

export interface Planned {
  readonly atMs: number;
  readonly order: number;
  /** Undefined: it was taken off the plan. */
  happen: (() => unknown) | undefined;
}

const isBefore = (a: Planned, b: Planned): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** A heap: the earliest is the first. */
const push = (heap: Planned[], planned: Planned): void => {
  let at = heap.length;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above] as Planned;
    if (!isBefore(planned, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = planned;
};

const pop = (heap: Planned[]): Planned | undefined => {
  const [first] = heap;
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    const left = heap[below];
    if (left === undefined) break;
    const right = heap[below + 1];
    if (right !== undefined && isBefore(right, left)) below += 1;
    const child = heap[below] as Planned;
    if (!isBefore(child, last)) break;
    heap[at] = child;
    at = below;
  }
  heap[at] = last;
  return first;
};

export const createTimeline = (startMs: number): Timeline => {
  const heap: Planned[] = [];
  let nowMs = startMs;
  let order = 0;
  const dropTaken = (): void => {
    while (heap[0] !== undefined && heap[0].happen === undefined) pop(heap);
  };
  return {
    get nowMs() {
      return nowMs;
    },
    plan: (atMs, happen) => {
      const planned = { atMs: Math.max(atMs, nowMs), order: order++, happen };
      push(heap, planned);
      return planned;
    },
    leap: (byMs) => {
      nowMs += byMs;
    },
    nextAtMs: () => {
      dropTaken();
      return heap[0]?.atMs;
    },
    goOn: () => {
      dropTaken();
      const next = pop(heap);
      if (next === undefined) return undefined;
      nowMs = Math.max(nowMs, next.atMs);
      return next.happen?.();
    },
  };
};
