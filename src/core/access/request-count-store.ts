/** The port to the store in which nodes add up the requests of each client. */

/** A window: how many requests there were in it, and how much longer it lasts, ms. */
export interface RequestCount {
  readonly total: number;
  readonly leftMs: number;
}

export interface RequestCountStore {
  /**
   * Adds to the counts of the present second of each client; a client's window begins with its first request.
   * @returns the requests of all nodes, at the index of the client; undefined where they are not known.
   * @throws StorageUnavailableError, StorageTimeoutError
   */
  add(
    clients: readonly { readonly name: string; readonly count: number }[],
  ): Promise<readonly (RequestCount | undefined)[]>;
}
