/** A number of things in words. */

/** `1 value`, `2 values`, `0 values`. @param noun forms its plural with an s. */
export const counted = (count: bigint | number, noun: string): string =>
  `${count} ${noun}${BigInt(count) === 1n ? '' : 's'}`;
