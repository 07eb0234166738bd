/** The calls of the fault tests that take no numbers. */

export const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  );

export const registerPrefix = async (url: string, prefixKey: string, outage = 'standby'): Promise<void> => {
  const reply = await fetch(`${url}/api/prefix-configs/${prefixKey}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ format: `${prefixKey}-{SEQ:6}`, outage }),
  });
  if (reply.status !== 200) throw new Error(`${reply.status}: ${await reply.text()}`);
};

export interface TemporaryEntry {
  readonly number: string;
  readonly resolvedNumber: string | null;
}

/** All temporary numbers, page by page. */
export const listTemporary = async (url: string): Promise<TemporaryEntry[]> => {
  const found: TemporaryEntry[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const reply = await fetch(`${url}/api/temporary-numbers${query}`);
    const page = (await reply.json()) as { items: TemporaryEntry[]; nextCursor: string | null };
    found.push(...page.items);
    cursor = page.nextCursor;
  }
  return found;
};

/** @returns the real number. */
export const resolveTemporary = async (url: string, number: string): Promise<string> => {
  const reply = await fetch(`${url}/api/temporary-numbers/${number}/resolve`, { method: 'POST' });
  if (reply.status !== 200) throw new Error(`${reply.status}: ${await reply.text()}`);
  return ((await reply.json()) as { resolvedNumber: string }).resolvedNumber;
};
