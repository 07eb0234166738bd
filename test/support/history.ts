/** Clients that take numbers from nodes which may fail, and write down every request from its start to its end. */
import { Agent, type IncomingMessage, request } from 'node:http';

/** One request as its client saw it. Times are ms of `performance.now()`. */
export interface RequestRecord {
  readonly client: string;
  /** The label of the node that was asked. */
  readonly node: string;
  /** Undefined for a number that came another way. */
  readonly prefixKey?: string;
  readonly count: number;
  readonly startMs: number;
  /** Undefined while it is under way. */
  endMs: number | undefined;
  /** Undefined without a whole reply. */
  status: number | undefined;
  numbers: readonly string[];
  /** `X-Number-Source`. */
  source: string | undefined;
  /** The code of a problem document. */
  problem: string | undefined;
  retryAfter: string | undefined;
  /** What cut the request off. */
  error: string | undefined;
}

/** Where a client asks: read again for each request, for a restarted node listens elsewhere. */
export interface AskedNode {
  readonly label: string;
  readonly url: string;
}

export interface ClientOptions {
  readonly node: AskedNode;
  readonly prefixKey: string;
  /** Between a reply and the next request, ms; 0: as fast as the node replies. */
  readonly pauseMs: number;
  /** Numbers per request. Default 1. */
  readonly count?: number;
}

export interface History {
  readonly records: readonly RequestRecord[];
  /** One request outside of any client's series. */
  ask(client: string, node: AskedNode, prefixKey: string, count?: number): Promise<RequestRecord>;
  /** Starts one client, which asks for the next number when it has the one before. */
  startClient(name: string, options: ClientOptions): void;
  /** Writes down a number that came another way, such as in place of a temporary one. */
  note(client: string, node: AskedNode, number: string, source: string, startMs: number): void;
  /** Lets each client finish its request. */
  stopClients(): Promise<void>;
}

/** Longer than any bound of a test: a hung request ends the test with a finding instead of a timeout. */
const GIVE_UP_MS = 120_000;
const AFTER_REFUSED_CONNECTION_MS = 25;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const get = (url: string, agent: Agent | false): Promise<{ reply: IncomingMessage; body: string }> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { agent, signal: AbortSignal.timeout(GIVE_UP_MS) }, (reply) => {
      let body = '';
      reply.setEncoding('utf8');
      reply.on('data', (data: string) => {
        body += data;
      });
      reply.on('end', () => resolve({ reply, body }));
      reply.on('error', reject);
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // The server closed a connection it had kept open while this request was on its way: HTTP's ordinary race.
      if (sent.reusedSocket && error.code === 'ECONNRESET')
        reject(Object.assign(error, { code: 'KEPT_CONNECTION_RESET' }));
      else reject(error);
    });
    sent.end();
  });

const readReply = (record: RequestRecord, reply: IncomingMessage, body: string): void => {
  const { headers } = reply;
  record.status = reply.statusCode;
  record.source = headers['x-number-source'] as string | undefined;
  record.retryAfter = headers['retry-after'];
  if (record.status === 200) {
    const { number, numbers } = JSON.parse(body) as { number?: string; numbers?: string[] };
    record.numbers = numbers ?? (number === undefined ? [] : [number]);
  } else if (headers['content-type']?.startsWith('application/problem+json') === true) {
    record.problem = (JSON.parse(body) as { code: string }).code;
  }
};

/** @param onEnded called with each request as it ends. */
export const createHistory = (onEnded: (record: RequestRecord) => void = () => undefined): History => {
  const records: RequestRecord[] = [];
  const clients: Promise<void>[] = [];
  let stopping = false;

  const open = (client: string, node: string, count: number, prefixKey?: string): RequestRecord => {
    const record: RequestRecord = {
      client,
      node,
      ...(prefixKey !== undefined && { prefixKey }),
      count,
      startMs: performance.now(),
      endMs: undefined,
      status: undefined,
      numbers: [],
      source: undefined,
      problem: undefined,
      retryAfter: undefined,
      error: undefined,
    };
    records.push(record);
    return record;
  };

  const ask = async (
    client: string,
    { label, url }: AskedNode,
    prefixKey: string,
    count: number,
    agent: Agent | false,
  ): Promise<RequestRecord> => {
    const record = open(client, label, count, prefixKey);
    try {
      const { reply, body } = await get(
        `${url}/api/numbers/${prefixKey}${count === 1 ? '' : `?count=${count}`}`,
        agent,
      );
      readReply(record, reply, body);
    } catch (error) {
      record.error = (error as NodeJS.ErrnoException).code ?? String(error);
    }
    record.endMs = performance.now();
    onEnded(record);
    return record;
  };

  const work = async (name: string, { node, prefixKey, pauseMs, count = 1 }: ClientOptions): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!stopping) {
      const { error } = await ask(name, node, prefixKey, count, agent);
      const ms = error === undefined ? pauseMs : AFTER_REFUSED_CONNECTION_MS;
      if (ms > 0) await pause(ms);
    }
    agent.destroy();
  };

  return {
    records,
    ask: (client, node, prefixKey, count = 1) => ask(client, node, prefixKey, count, false),
    startClient: (name, options) => {
      stopping = false;
      clients.push(work(name, options));
    },
    note: (client, node, number, source, startMs) => {
      const record = open(client, node.label, 1);
      Object.assign(record, { startMs, endMs: performance.now(), status: 200, numbers: [number], source });
    },
    stopClients: async () => {
      stopping = true;
      await Promise.all(clients.splice(0));
    },
  };
};
