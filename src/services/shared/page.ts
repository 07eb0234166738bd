/** Pages over a store's list, of which a caller may see only some entries. */

const STORE_PAGE = 1_000;

export interface Page<Item> {
  readonly items: readonly Item[];
  /** The key of the last item, to continue after; undefined on the last page. */
  readonly next: string | undefined;
}

/**
 * Reads on until the page is full: neither its length nor its end reveals entries that the caller may not see.
 * @param read returns up to `limit` entries of the store after the key.
 * @param select the item of an entry, or undefined to leave it out.
 */
export const readPage = async <Entry, Item>(
  read: (after: string, limit: number) => Promise<readonly Entry[]>,
  keyOf: (entry: Entry) => string,
  select: (entry: Entry) => Item | undefined,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<Page<Item>> => {
  const items: Item[] = [];
  let lastKey: string | undefined;
  let from = after;
  for (;;) {
    const entries = await read(from, STORE_PAGE);
    for (const entry of entries) {
      const item = select(entry);
      if (item === undefined) continue;
      if (items.length === limit) return { items, next: lastKey };
      items.push(item);
      lastKey = keyOf(entry);
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < STORE_PAGE) return { items, next: undefined };
    from = keyOf(last);
  }
};
