/** Checks the settings of Redis at each connect and once a minute, and emits what changed for better or worse. */
import type { Redis } from 'ioredis';
import type { Emit, Listen } from '../../../core/events/events.ts';
import type { Finding, Guarantee, GuaranteeKind } from '../../../core/events/finding.ts';
import type { RedisClient } from '../connection/redis-client.ts';
import { lookAtServer, type ServerState } from './redis-findings.ts';

const LOOK_MS = 60_000;
/** A server that was not seen for so long is no part of the store any more. */
const KEEP_MS = 600_000;

export interface RedisChecks {
  /** What was found; undefined as long as no server could be looked at. */
  findings(): readonly Finding[] | undefined;
  /** Undefined as long as no server could be looked at. */
  guarantee(): Guarantee | undefined;
  /** Looks at once at the servers that can be reached: when something goes wrong, what was found a minute ago may be out of date. */
  look(): void;
  /** Has it look when an outage begins. */
  readonly listen: Listen;
  close(): void;
}

const NEEDED_FOR_ALL = 'Set DATABASE_URL to keep the ceilings in PostgreSQL';

const GUARANTEES: { readonly [Kind in GuaranteeKind]: Guarantee } = {
  redis: {
    kind: 'redis',
    detail: 'Redis alone: numbers are safe as long as it keeps what it acknowledged.',
    remedy: `${NEEDED_FOR_ALL}, or give Redis a replica.`,
  },
  replicas: {
    kind: 'replicas',
    detail: 'Redis with replicas: numbers are safe as long as one server keeps what was confirmed.',
    remedy: `${NEEDED_FOR_ALL}.`,
  },
  postgres: {
    kind: 'postgres',
    detail: 'PostgreSQL keeps the ceilings: no number comes twice whatever Redis loses.',
    remedy: undefined,
  },
};

interface Look extends ServerState {
  readonly atMs: number;
}

const identify = ({ severity, subject, detail }: Finding): string => `${severity} ${subject} ${detail}`;

/** The same finding on several servers is one finding. */
const merge = (looks: ReadonlyMap<string, Look>): Finding[] => {
  const merged = new Map<string, Finding>();
  for (const [server, { findings }] of looks) {
    for (const found of findings) {
      const finding = { ...found, servers: [] };
      const servers = [...(merged.get(identify(finding))?.servers ?? []), server];
      merged.set(identify(finding), { ...finding, servers: looks.size > 1 ? servers : [] });
    }
  }
  return [...merged.values()];
};

/** @param ceilings who keeps them: `postgres` when DATABASE_URL is set. */
export const createRedisChecks = (
  client: Pick<RedisClient, 'names' | 'servers' | 'onServerReady'>,
  emit: Emit,
  ceilings: 'redis' | 'postgres',
): RedisChecks => {
  const looks = new Map<string, Look>();
  let told: readonly Finding[] | undefined;
  let guarantee: Guarantee | undefined;

  const tell = (): void => {
    const found = merge(looks);
    const before = new Set(told?.map(identify));
    const now = new Set(found.map(identify));
    for (const finding of found) if (!before.has(identify(finding))) emit({ type: 'store-finding', finding });
    for (const finding of told ?? []) {
      if (!now.has(identify(finding))) emit({ type: 'store-finding-cleared', subject: finding.subject });
    }
    told = found;
    const replicas = [...looks.values()].map((look) => look.replicas).filter((count) => count !== undefined);
    // Of a cluster the replicas may answer first: they do not know.
    if (replicas.length === 0 && ceilings !== 'postgres') return;
    const next = GUARANTEES[ceilings === 'postgres' ? 'postgres' : Math.min(...replicas) > 0 ? 'replicas' : 'redis'];
    if (next === guarantee) return;
    guarantee = next;
    emit({ type: 'guarantee-changed', guarantee });
  };

  const look = async (server: Redis): Promise<void> => {
    try {
      const state = await lookAtServer(server, client.names);
      const { remoteAddress, remotePort } = server.stream;
      // Behind sentinels there is one server at a time, whatever its address.
      const name = server.options.sentinels ? '' : `${remoteAddress}:${remotePort}`;
      const atMs = performance.now();
      looks.set(name, { ...state, atMs });
      for (const [other, { atMs: seenMs }] of looks) if (atMs - seenMs > KEEP_MS) looks.delete(other);
      tell();
    } catch {
      // The connection broke meanwhile; its next `ready` brings us back here.
    }
  };

  const lookAtAll = (): void => {
    for (const server of client.servers()) void look(server);
  };
  client.onServerReady((server) => void look(server));
  lookAtAll();
  const timer = setInterval(lookAtAll, LOOK_MS);
  timer.unref();

  return {
    findings: () => told,
    guarantee: () => guarantee,
    look: lookAtAll,
    listen: ({ event: { type } }) => {
      if (type === 'outage-began') lookAtAll();
    },
    close: () => clearInterval(timer),
  };
};
