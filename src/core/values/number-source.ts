/** Where the values of numbers come from. */

/** Where values came from, as the `X-Number-Source` header says it. */
export const NUMBER_SOURCES = [
  'redis',
  'sqlite',
  'postgres',
  'memory',
  'standby',
  'temporary',
  'snowflake',
  'uuidv7',
] as const;
export type NumberSource = (typeof NUMBER_SOURCES)[number];
