/** The arithmetic of a Redis cluster: which slot a key lies in, and who owns each slot as one server sees it. */

export const SLOTS = 16_384;

const CRC16_POLYNOMIAL = 0x1021;
const CRC16 = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ CRC16_POLYNOMIAL;
  return crc & 0xffff;
});

/** The slot of a key: only what stands between the first `{` and the next `}` counts, if anything does. */
export const slotOf = (key: string): number => {
  const open = key.indexOf('{');
  const close = open === -1 ? -1 : key.indexOf('}', open + 1);
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) crc = ((crc << 8) & 0xffff) ^ (CRC16[(crc >> 8) ^ byte] ?? 0);
  return crc % SLOTS;
};

/** The owner of a run of slots. */
export interface SlotOwner {
  /** `host:port`. */
  readonly address: string;
  readonly id: string;
  /** Rises with each change of ownership: of two claims to a slot the one with the higher epoch holds. */
  readonly epoch: number;
}

/** The cluster as one of its servers sees it. */
export interface SlotView {
  readonly ranges: readonly { readonly first: number; readonly last: number; readonly owner: SlotOwner }[];
  /** Masters and replicas. */
  readonly addresses: ReadonlySet<string>;
  /** Ids of all servers that the one asked knows. */
  readonly ids: ReadonlySet<string>;
}

/** `NODES` has the epochs, one server per line: id, address, flags, master, ping, pong, epoch … */
const readEpochs = (nodes: string): Map<string, number> => {
  const epochs = new Map<string, number>();
  for (const line of nodes.split('\n')) {
    const words = line.split(' ');
    if (words.length > 6) epochs.set(words[0] ?? '', Number(words[6]));
  }
  return epochs;
};

type SlotServer = readonly [host: string | null, port: string | number, id: string];
type SlotRange = readonly [first: string | number, last: string | number, ...servers: SlotServer[]];

/**
 * Puts together the answers to `CLUSTER SLOTS` (which has the addresses for clients) and `CLUSTER NODES`.
 * @param askedHost the host that was asked: a server that does not know its own name means this one.
 */
export const readSlotView = (slots: readonly SlotRange[], nodes: string, askedHost: string): SlotView => {
  const epochs = readEpochs(nodes);
  const addresses = new Set<string>();
  const ranges = slots.map(([first, last, ...servers]) => {
    const [master] = servers.map(([host, port, id]) => {
      const address = `${host === null || host === '' ? askedHost : host}:${port}`;
      addresses.add(address);
      return { address, id, epoch: epochs.get(id) ?? 0 };
    });
    return { first: Number(first), last: Number(last), owner: master ?? { address: '', id: '', epoch: 0 } };
  });
  return { ranges, addresses, ids: new Set(epochs.keys()) };
};

/** Where a server sends a command that it did not execute. */
export interface Redirection {
  readonly kind: 'moved' | 'ask' | 'try-again';
  /** `host:port`; empty for try-again, which means the same server a little later. */
  readonly address: string;
}

/** @returns undefined when the error is no redirection: then nobody can say whether the command was executed. */
export const readRedirection = (error: unknown, askedHost: string): Redirection | undefined => {
  const [word, , target = ''] = error instanceof Error ? error.message.split(' ') : [];
  if (word === 'TRYAGAIN') return { kind: 'try-again', address: '' };
  if (word !== 'MOVED' && word !== 'ASK') return undefined;
  return { kind: word === 'MOVED' ? 'moved' : 'ask', address: /^:\d+$/.test(target) ? askedHost + target : target };
};
