/** Probes: is the process alive, can it issue now, and how is each component. */
import fastifyPlugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ClockBehindError, NumberGeneratorError, StorageUnavailableError } from '../../core/errors.ts';
import type { Finding, Guarantee } from '../../core/events/finding.ts';
import type { LedgerMark } from '../../core/ledger/ledger-mark.ts';
import { problemResponse } from '../schemas/problem.ts';
import { wordingOf } from '../wire/error-catalogue.ts';

interface LedgerHealth {
  /** Sequences that are refused because their ledger went back; and one of them. */
  readonly behind: number;
  readonly example: LedgerMark | undefined;
  /** A ledger that went back now would not be found out. */
  readonly unguarded: boolean;
}

/** Each resolves when a store can serve; `durable` is that of the ceilings, undefined when there is none. */
interface Checks {
  readonly store: () => Promise<void>;
  readonly durable: (() => Promise<void>) | undefined;
}

export interface HealthOptions {
  /** Name of the store: redis, sqlite. */
  readonly storeName: string;
  /** Resolves when the store can serve. */
  readonly checkStore: () => Promise<void>;
  /** Whether this node can open sequences without the store of the ceilings. Default: yes. */
  readonly isRegistered?: () => boolean;
  /** Resolves when the store of the ceilings can serve; undefined when there is none. */
  readonly checkCeilings?: (() => Promise<void>) | undefined;
  /** Findings in the settings of the store; undefined before the first check. */
  readonly findings?: () => readonly Finding[] | undefined;
  /** Prefixes that could print the same numbers. Default: none. */
  readonly collisions?: () => readonly Finding[];
  /** Which guarantee is in force; undefined when that is unknown or does not apply. */
  readonly guarantee?: () => Guarantee | undefined;
  /** State of the ledger's guard; undefined where the ledger needs none, or there is no ledger. */
  readonly ledger?: (() => LedgerHealth) | undefined;
  /** What to look at while the store, or the store of the ceilings, cannot be reached; undefined when nothing is known. */
  readonly storeRemedy?: () => string | undefined;
  readonly ceilingsRemedy?: () => string | undefined;
  /** What is wrong with the clock of this machine; undefined when nothing is. */
  readonly clockFinding?: () => Finding | undefined;
  /** Resolves when some strategy in use can issue. Default: when the store can serve. */
  readonly checkIssuing?: ((checks: Checks) => Promise<void>) | undefined;
  /** Whether this node can issue without the store for a while. */
  readonly hasStandby: () => boolean;
  /** True from the moment the process was asked to stop. */
  readonly isStopping: () => boolean;
}

const componentStatus = z.enum(['up', 'degraded', 'down']).meta({ id: 'ComponentStatus' });
type Component = z.infer<typeof healthReply>['components'][number];

const describeFinding = ({ severity, subject, detail, remedy, servers }: Finding): string =>
  `${severity}: ${subject}: ${detail}${servers.length === 0 ? '' : ` (${servers.join(', ')})`} Remedy: ${remedy}`;

/** One line per finding, errors first; one line that says so when there is none. */
const settingsComponents = (
  store: string,
  settings: readonly Finding[] | undefined,
  collisions: readonly Finding[] = [],
): Component[] => {
  if (settings === undefined && collisions.length === 0) return [];
  const findings = [...(settings ?? []), ...collisions];
  const name = `${store}-settings`;
  if (findings.length === 0) return [{ name, status: 'up', detail: 'As they should be' }];
  const rank = ['error', 'warning', 'info'];
  return findings
    .toSorted((a, b) => rank.indexOf(a.severity) - rank.indexOf(b.severity))
    .map((finding) => ({
      name,
      status: finding.severity === 'error' ? 'degraded' : 'up',
      detail: describeFinding(finding),
    }));
};

const sentences = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined).join(' ');

/**
 * A registered node counts on without PostgreSQL up to the confirmed ceilings, so its absence does not mean down; a
 * node that was never registered opens no sequence.
 */
const ceilingComponents = (
  present: boolean,
  failure: string | undefined,
  registered: boolean,
  remedy: string | undefined,
): Component[] => {
  if (!present) return [];
  if (failure === undefined) return [{ name: 'postgres', status: 'up', detail: 'Answers' }];
  const consequence = registered
    ? 'Numbers go on up to the ceilings it confirmed.'
    : 'This node could not be registered there: it issues no numbers until it is.';
  return [
    {
      name: 'postgres',
      status: registered ? 'degraded' : 'down',
      detail: sentences(failure, remedy, consequence),
    },
  ];
};

/** Runs a check, and adds the remedy to the reason of its failure. */
const advised = async (check: () => Promise<void>, remedy: (() => string | undefined) | undefined): Promise<void> => {
  try {
    await check();
  } catch (error) {
    const advice = remedy?.();
    if (advice === undefined || !(error instanceof NumberGeneratorError)) throw error;
    throw new StorageUnavailableError(`${wordingOf(error).text} ${advice}`, error);
  }
};

/** @throws StorageUnavailableError, StorageTimeoutError, ClockBehindError when this process cannot issue now. */
export const checkReadiness = async (options: HealthOptions): Promise<void> => {
  const { checkStore, checkCeilings, checkIssuing = ({ store }) => store(), isStopping } = options;
  if (isStopping()) throw new StorageUnavailableError('The process is shutting down.');
  const clockFinding = options.clockFinding?.();
  if (clockFinding !== undefined) throw new ClockBehindError(clockFinding.detail);
  await checkIssuing({
    store: () => advised(checkStore, options.storeRemedy),
    durable: checkCeilings && (() => advised(checkCeilings, options.ceilingsRemedy)),
  });
};

/** Why a check failed; undefined when it did not. */
const reasonOf = (check: Promise<void>): Promise<string | undefined> =>
  check.then(
    () => undefined,
    (error: unknown) => (error instanceof NumberGeneratorError ? wordingOf(error).text : 'The check failed.'),
  );

const guaranteeComponents = (guarantee: Guarantee | undefined): Component[] => {
  if (guarantee === undefined) return [];
  const { kind, detail, remedy } = guarantee;
  return [{ name: 'guarantee', status: 'up', detail: `${kind}: ${detail}${remedy === undefined ? '' : ` ${remedy}`}` }];
};

const clockComponents = (finding: Finding | undefined): Component[] =>
  finding === undefined ? [] : [{ name: 'clock', status: 'down', detail: describeFinding(finding) }];

const ledgerComponents = (ledger: LedgerHealth | undefined): Component[] => {
  const components: Component[] = [];
  if (ledger?.example !== undefined) {
    const { sequence, value } = ledger.example;
    const name = `${sequence.series.prefixKey}${sequence.period === '' ? '' : ` ${sequence.period}`}`;
    const more = ledger.behind === 1 ? '' : ` and ${ledger.behind - 1} more`;
    components.push({
      name: 'gapless',
      status: 'degraded',
      detail: `The ledger in PostgreSQL went back to an earlier state, as by restoring a backup: ${name} (${value} was issued)${more} refused. Remedy: advance each past every number that was issued, then run the command repair with --yes (npm run repair -- --yes).`,
    });
  }
  if (ledger?.unguarded) {
    components.push({
      name: 'gapless-unguarded',
      status: 'degraded',
      detail:
        'Redis lacks the latest changes of the ledger: gapless numbers are still issued, but a backup of PostgreSQL restored now would not be found out.',
    });
  }
  return components;
};

const healthReply = z
  .object({
    status: componentStatus,
    components: z.array(
      z.object({ name: z.string(), status: componentStatus, detail: z.string() }).meta({ id: 'Component' }),
    ),
  })
  .describe('degraded: the store is away, the standby serves; or its settings endanger numbers.')
  .meta({ id: 'Health' });
const live = z.object({ status: z.literal('live') }).meta({ id: 'Liveness' });
const ready = z.object({ status: z.literal('ready') }).meta({ id: 'Readiness' });

/** Both of whom need the outcome get the same one. */
const once = (check: () => Promise<void>): (() => Promise<void>) => {
  let outcome: Promise<void> | undefined;
  return () => {
    outcome ??= check();
    return outcome;
  };
};

/** The state of each component, and of the whole. */
const describeHealth = async (options: HealthOptions): Promise<z.infer<typeof healthReply>> => {
  const { storeName, hasStandby, isStopping, isRegistered = () => true, storeRemedy, ceilingsRemedy } = options;
  // What says how a component is, and whether numbers can be issued, asks each store once.
  const checkStore = once(options.checkStore);
  const checkCeilings = options.checkCeilings && once(options.checkCeilings);
  const detail = await reasonOf(checkStore());
  const store = detail === undefined ? ('up' as const) : ('down' as const);
  const process = isStopping() ? ('down' as const) : ('up' as const);
  const standby = hasStandby();
  const notReady = await reasonOf(checkReadiness({ ...options, checkStore, checkCeilings }));
  const ceilings = checkCeilings && (await reasonOf(checkCeilings()));
  const extra = [
    ...clockComponents(options.clockFinding?.()),
    ...ceilingComponents(checkCeilings !== undefined, ceilings, isRegistered(), ceilingsRemedy?.()),
    ...settingsComponents(storeName, options.findings?.(), options.collisions?.()),
    ...guaranteeComponents(options.guarantee?.()),
    ...ledgerComponents(options.ledger?.()),
  ];
  const isWhole = store === 'up' && extra.every(({ status }) => status === 'up');
  return {
    status: notReady !== undefined ? 'down' : isWhole ? 'up' : 'degraded',
    components: [
      { name: 'process', status: process, detail: process === 'up' ? 'Serving' : 'Shutting down' },
      {
        name: storeName,
        status: store,
        detail: detail === undefined ? 'Answers' : sentences(detail, storeRemedy?.()),
      },
      {
        name: 'standby',
        // A missing standby matters only while the store is away.
        status: standby ? 'up' : store,
        detail: standby ? 'Values are held ready' : 'No values are held',
      },
      {
        name: 'issuing',
        status: notReady === undefined ? 'up' : 'down',
        detail: notReady ?? 'Numbers can be issued by a strategy in use here',
      },
      ...extra,
    ],
  };
};

const operation = (operationId: string, summary: string) => ({ operationId, tags: ['operation'], summary });

export const healthRoutes = fastifyPlugin<HealthOptions>(async (plain, options) => {
  const server = plain.withTypeProvider<ZodTypeProvider>();

  server.get(
    '/livez',
    {
      config: { isUnlimited: true },
      schema: { ...operation('getLiveness', 'Is the process alive?'), response: { 200: live } },
    },
    async () => ({ status: 'live' as const }),
  );

  server.get(
    '/readyz',
    {
      config: { isUnlimited: true },
      schema: {
        ...operation('getReadiness', 'Can numbers be issued now?'),
        response: {
          200: ready,
          503: problemResponse('STORAGE_UNAVAILABLE', 'STORAGE_TIMEOUT', 'CLOCK_BEHIND'),
        },
      },
    },
    async () => {
      await checkReadiness(options);
      return { status: 'ready' as const };
    },
  );

  server.get(
    '/health',
    {
      schema: { ...operation('getHealth', 'How is each component?'), response: { 200: healthReply, 503: healthReply } },
    },
    async (_request, reply) => {
      const health = await describeHealth(options);
      return reply.code(health.status === 'down' ? 503 : 200).send(health);
    },
  );
});
