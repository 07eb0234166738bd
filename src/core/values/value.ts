/** Values: the bare integers of a sequence, unsigned 64 bit, exact from end to end. */

/** The highest value a sequence can reach: 2^64 − 1. */
export const VALUE_MAX = 18_446_744_073_709_551_615n;

const DECIMAL = /^(?:0|[1-9][0-9]{0,19})$/;

/**
 * Reads a value from its canonical decimal spelling.
 * @returns the value, or `undefined` when the text has a sign, a leading zero, any other character, or is above 2^64 − 1.
 */
export const parseValue = (text: string): bigint | undefined => {
  if (!DECIMAL.test(text)) return undefined;
  const value = BigInt(text);
  return value <= VALUE_MAX ? value : undefined;
};
