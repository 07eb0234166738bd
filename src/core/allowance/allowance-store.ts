/** The port to daily allowances of clients: a number of them at once, then one by one as time passes. */

/** Throws StorageUnavailableError or StorageTimeoutError when the store fails; then one may have been spent. */
export interface AllowanceStore {
  /**
   * Spends one, for all nodes that share the store.
   * @param name of client and allowance, 32 hex digits. @param max how many, at least 1. @param nowMs for stores
   * without a clock.
   * @returns how long to wait for the next one, ms; 0 when it was spent.
   */
  spend(name: string, max: number, nowMs: number): number | Promise<number>;
}
