/** The port to what clients may have in a day: so many at once, and from then on one by one as time goes by. */

/** Throws StorageUnavailableError or StorageTimeoutError when the store fails; then one may have been spent. */
export interface AllowanceStore {
  /**
   * Spends one, for all nodes that share the store.
   * @param name whose allowance of what, 32 hex digits. @param max how many, at least 1. @param nowMs for stores without a clock.
   * @returns how long to wait for it, ms; 0: it was spent.
   */
  spend(name: string, max: number, nowMs: number): number | Promise<number>;
}
