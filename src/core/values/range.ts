/** Ranges: runs of consecutive values, first and last included. */

export interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

/** How many values a range holds; at least 1. */
export const rangeSize = (range: Range): bigint => range.last - range.first + 1n;
