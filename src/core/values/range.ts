/** Ranges: runs of consecutive values, first and last included. */

export interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

/** How many values a range holds; at least 1. */
export const rangeSize = (range: Range): bigint => range.last - range.first + 1n;

/** The same as a number: for ranges that one request was given. Most hold one value, and no bigint is made for it. */
export const countOf = ({ first, last }: Range): number => (first === last ? 1 : Number(last - first) + 1);
