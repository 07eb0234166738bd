/** Lets a few in at a time; the others wait in the order of arrival. */
export const createGate = (roomMax: number) => {
  let room = roomMax;
  const waiting: (() => void)[] = [];
  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (room === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else room -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) room += 1;
      else next();
    }
  };
};
