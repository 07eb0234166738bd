/** Metrics of what happens to the stores: outages, what is found in their settings, the guard of the ledger, recoveries and ceilings. */
import type { Registry } from 'prom-client';
import type { Guarantee, Severity } from '../../core/events/finding.ts';
import { createTally, registerCounter, registerGauge } from './collected.ts';
import type { Part } from './event-listeners.ts';
import { plainCounter } from './plain-counter.ts';

/** The store, its outages, and what is found in its settings. */
export const ofStores = (registry: Registry): Part => {
  const outages = plainCounter(
    registry,
    'number_generator_outages_total',
    'How often the store did not answer and numbers came from the standby segments.',
  );
  let present = 1;
  registerGauge(
    registry,
    { name: 'number_generator_store_present', help: '1 while the store of the counters answers, 0 in an outage.' },
    () => present,
  );
  const disconnects = createTally(['redis', 'postgres']);
  registerCounter(
    registry,
    {
      name: 'number_generator_store_disconnects_total',
      help: 'How often a store could not be reached any more.',
      labelNames: ['store'],
    },
    () => disconnects.samples('store'),
  );
  // Registered only where there is a PostgreSQL: prom-client shows a gauge without labels as 0 until it is set.
  let postgresPresent: 0 | 1 | undefined;
  registerGauge(
    registry,
    {
      name: 'number_generator_postgres_present',
      help: '1 while PostgreSQL answers, 0 while it does not; absent without DATABASE_URL.',
      labelNames: ['store'],
    },
    () => (postgresPresent === undefined ? [] : [[{ store: 'postgres' }, postgresPresent]]),
  );
  return {
    'outage-began': () => {
      outages.add();
      present = 0;
    },
    'store-returned': () => {
      present = 1;
    },
    'store-disconnected': () => disconnects.add('redis'),
    'ceiling-store-connected': () => {
      postgresPresent = 1;
    },
    'ceiling-store-disconnected': () => {
      postgresPresent = 0;
      disconnects.add('postgres');
    },
  };
};

/** Whether the ledger is the latest there was. */
export const ofLedger = (registry: Registry): Part => {
  let behind = 0;
  let guarded = 1;
  registerGauge(
    registry,
    {
      name: 'number_generator_ledger_sequences_behind',
      help: 'Gapless sequences that are refused, for the ledger went back to an earlier state.',
    },
    () => behind,
  );
  registerGauge(
    registry,
    {
      name: 'number_generator_gapless_guarded',
      help: '1 while a ledger that goes back would be found out, 0 while Redis lacks its latest changes.',
    },
    () => guarded,
  );
  return {
    'ledger-behind': ({ sequences }) => {
      behind = sequences;
    },
    'gapless-guard': (event) => {
      guarded = event.guarded ? 1 : 0;
    },
  };
};

export const ofFindings = (registry: Registry): Part => {
  // Findings with an alert are shown as 0 before they occur, so that the alert tells "no" and "not checked" apart.
  const findings = new Map<string, { severity: Severity; present: number }>([
    ['maxmemory-policy', { severity: 'error', present: 0 }],
    ['maxmemory', { severity: 'warning', present: 0 }],
  ]);
  registerGauge(
    registry,
    {
      name: 'number_generator_store_finding',
      help: '1 while this is found in the settings of the store, by severity; 0 when it no longer is.',
      labelNames: ['subject', 'severity'],
    },
    () => [...findings].map(([subject, { severity, present }]) => [{ subject, severity }, present] as const),
  );
  let guarantee: Guarantee | undefined;
  registerGauge(
    registry,
    {
      name: 'number_generator_guarantee',
      help: '1 for the guarantee in force: redis, replicas or postgres keep the ceilings.',
      labelNames: ['kind'],
    },
    () => (guarantee === undefined ? [] : [[{ kind: guarantee.kind }, 1]]),
  );
  return {
    'store-finding': ({ finding: { subject, severity } }) => findings.set(subject, { severity, present: 1 }),
    'store-finding-cleared': ({ subject }) => {
      const finding = findings.get(subject);
      if (finding !== undefined) finding.present = 0;
    },
    'guarantee-changed': (event) => {
      guarantee = event.guarantee;
    },
  };
};

/** Recoveries and ceilings: the fence. */
export const ofTheFence = (registry: Registry): Part => {
  const begun = plainCounter(
    registry,
    'number_generator_recoveries_begun_total',
    'How often a sequence was found to have lost its latest state, as this node saw it.',
  );
  const ended = createTally<'exact' | 'jump'>(['exact', 'jump']);
  registerCounter(
    registry,
    {
      name: 'number_generator_recoveries_total',
      help: 'Recoveries that this node ended, by outcome: exact, or a jump above the ceiling that left a gap.',
      labelNames: ['outcome'],
    },
    () => ended.samples('outcome'),
  );
  let seconds = 0;
  registerCounter(
    registry,
    { name: 'number_generator_recovery_seconds_total', help: 'Seconds that the recoveries ended by this node took.' },
    () => seconds,
  );
  const notRaised = plainCounter(
    registry,
    'number_generator_ceiling_raises_failed_total',
    'How often a ceiling could not be raised.',
  );
  const notRegistered = plainCounter(
    registry,
    'number_generator_node_registrations_failed_total',
    'How often this node could not be registered in PostgreSQL.',
  );
  const buried = plainCounter(
    registry,
    'number_generator_nodes_buried_total',
    'Nodes that were silent for an hour and were removed from the list by this one.',
  );
  const advanced = plainCounter(
    registry,
    'number_generator_sequences_advanced_total',
    'How often a sequence was moved forward by hand, which leaves a gap.',
  );
  return {
    'sequence-recovering': () => begun.add(),
    'sequence-recovered': ({ jumpedTo, afterMs }) => {
      ended.add(jumpedTo === undefined ? 'exact' : 'jump');
      seconds += afterMs / 1_000;
    },
    'ceiling-not-raised': () => notRaised.add(),
    'node-not-registered': () => notRegistered.add(),
    'nodes-buried': ({ nodes }) => buried.add(nodes.length),
    'sequence-advanced': () => advanced.add(),
  };
};
