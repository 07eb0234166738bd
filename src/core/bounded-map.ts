/** Maps that forget what was put into them the longest time ago. */

/**
 * Puts an entry at the end of the map's order, and drops the first one when there would be more than `max`.
 * @param max entries, at least 1.
 */
export const putBounded = <Key, Value>(map: Map<Key, Value>, key: Key, value: Value, max: number): void => {
  map.delete(key);
  const [oldest] = map.size >= max ? map.keys() : [];
  if (oldest !== undefined) map.delete(oldest);
  map.set(key, value);
};
