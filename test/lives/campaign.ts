/** Many lives at once: groups share a site and what befalls it; a life that fails is played again alone, with ever fewer steps. */
import { excusedOn } from './deviations.ts';
import { createLife, type Life } from './life.ts';
import { LifeBreach } from './memory.ts';
import type { Site, SiteOptions } from './site.ts';
import { describeEvent, type Event, type LifePlan, planEvents as planEventsWithin, planLife } from './steps.ts';

/** Lives on one site. What befalls it follows from the group, so that a life can be played again without the others. */
const GROUP = 50;
const DAY_MS = 86_400_000;
const BEGIN_MS = Date.UTC(2026, 11, 30, 10, 0);

export interface Failure {
  readonly seed: number;
  readonly rule: string;
  readonly text: string;
  readonly story: readonly string[];
}

/** Opens a site with empty stores. */
export type OpenSite = (clock: { now(): number }, more: Partial<SiteOptions>) => Promise<Site>;

/** Plays lives on one site. @returns what was found, a life at most once. */
const playTogether = async (
  plans: readonly LifePlan[],
  events: readonly Event[],
  open: OpenSite,
  known: Map<string, number>,
): Promise<Failure[]> => {
  let nowMs = BEGIN_MS;
  let isCalm = true;
  const lossy = new Set<number>();
  const site = await open({ now: () => nowMs }, {});
  const around = {
    site,
    now: () => site.now?.() ?? nowMs,
    isLossy: (index: number) => lossy.has(index),
    isCalm: () => isCalm,
    excused: excusedOn(site.kind, site.now !== undefined),
  };
  const lives = plans.map((plan) => createLife(plan, `K${plan.seed.toString(36).padStart(5, '0')}`, around));
  const failures = new Map<Life, Failure>();

  const each = async (work: (life: Life) => Promise<void>): Promise<void> => {
    await Promise.all(
      lives.map(async (life) => {
        if (failures.has(life)) return;
        try {
          await work(life);
        } catch (error) {
          const rule = error instanceof LifeBreach ? error.rule : 'broken';
          const text = error instanceof LifeBreach ? error.message : `${error instanceof Error ? error.stack : error}`;
          failures.set(life, { seed: life.plan.seed, rule, text, story: life.memory.log });
        }
      }),
    );
  };

  const befall = async (event: Event): Promise<void> => {
    if (event.kind !== 'nothing') for (const life of lives) life.note(`— ${describeEvent(event)}`);
    switch (event.kind) {
      case 'days':
        nowMs += event.days * DAY_MS;
        for (const life of lives) life.passDays(event.days);
        return;
      case 'cut':
        isCalm = false;
        return site.cut(event.what, event.node);
      case 'lose':
        isCalm = false;
        lossy.add(event.node);
        return site.loseReplies(event.node, event.replies);
      case 'heal':
        lossy.clear();
        return site.heal();
      case 'restart': {
        const left = await site.restart(event.node);
        const isLate = site.keptAll?.(left) === true;
        for (const life of lives) isLate ? life.hasCrashed(left) : life.hasLeft(left);
        return;
      }
      case 'crash': {
        isCalm = false;
        const dead = await site.crash(event.node);
        for (const life of lives) life.hasCrashed(dead);
        return;
      }
      case 'prepare':
        return site.prepareStandby();
      default:
        return;
    }
  };

  try {
    for (const [round, event] of events.entries()) {
      nowMs += 1_000;
      await befall(event);
      await each((life) => life.step(round));
    }
    await befall({ kind: 'heal' });
    for (const node of site.drivers.keys()) await befall({ kind: 'restart', node });
    nowMs += 1_000;
    await each((life) => life.end());
  } finally {
    await site.close();
  }
  for (const { memory } of lives) for (const rule of memory.broken) known.set(rule, (known.get(rule) ?? 0) + 1);
  return [...failures.values()];
};

const REST = { kind: 'rest' } as const;

/** Leaves out what the failure does not need. */
const shrink = async (plan: LifePlan, events: readonly Event[], failure: Failure, open: OpenSite): Promise<Failure> => {
  let [best, kept, befell] = [failure, plan, events];
  const tryWith = async (smaller: LifePlan, fewer: readonly Event[]): Promise<void> => {
    const [found] = await playTogether([smaller], fewer, open, new Map());
    if (found?.rule === failure.rule) [best, kept, befell] = [found, smaller, fewer];
  };
  await tryWith(plan, events);
  for (let round = events.length - 1; round >= 0; round -= 1) {
    if (befell[round]?.kind !== 'nothing') await tryWith(kept, befell.with(round, { kind: 'nothing' }));
    if (round > 0 && kept.steps[round]?.kind !== 'rest')
      await tryWith({ ...kept, steps: kept.steps.with(round, REST) }, befell);
  }
  return best;
};

export interface CampaignOptions {
  readonly open: OpenSite;
  readonly firstSeed: number;
  readonly lives: number;
  readonly servesGapless: boolean;
  readonly isRemote: boolean;
  /** What befalls the sites; by default what can be done within a process. */
  readonly planEvents?: (group: number, isRemote: boolean) => readonly Event[];
  /** Whether a failure is one of those that are known. */
  readonly isKnown?: (failure: Failure) => boolean;
  /** After so many it ends. */
  readonly failuresMax?: number;
  /** Whether failures are played again with ever fewer steps. */
  readonly shrinks?: boolean;
}

export interface CampaignResult {
  readonly lives: number;
  readonly failures: readonly Failure[];
  /** How many failures were known ones, by rule. */
  readonly known: ReadonlyMap<string, number>;
}

/** Groups at a time: while one waits for what takes its time, the others go on. More would wait for each other. */
const GROUPS_AT_ONCE = 4;

export const playLives = async (options: CampaignOptions): Promise<CampaignResult> => {
  const {
    open,
    firstSeed,
    lives,
    servesGapless,
    isRemote,
    planEvents = planEventsWithin,
    isKnown = () => false,
    failuresMax = 3,
    shrinks = true,
  } = options;
  const found: { plan: LifePlan; events: readonly Event[]; failure: Failure }[] = [];
  const known = new Map<string, number>();
  let played = 0;
  const endSeed = firstSeed + lives;

  const playGroup = async (group: number): Promise<void> => {
    const events = planEvents(group, isRemote);
    const first = Math.max(firstSeed, group * GROUP);
    const last = Math.min(endSeed, (group + 1) * GROUP);
    const plans = Array.from({ length: last - first }, (_, index) => planLife(first + index, servesGapless));
    played += plans.length;
    for (const failure of await playTogether(plans, events, open, known)) {
      const plan = plans.find(({ seed }) => seed === failure.seed);
      if (plan === undefined || isKnown(failure)) known.set(failure.rule, (known.get(failure.rule) ?? 0) + 1);
      else if (found.length < failuresMax) found.push({ plan, events, failure });
    }
  };

  let next = Math.floor(firstSeed / GROUP);
  const playOn = async (): Promise<void> => {
    while (next * GROUP < endSeed && found.length < failuresMax) {
      next += 1;
      await playGroup(next - 1);
    }
  };
  await Promise.all(Array.from({ length: GROUPS_AT_ONCE }, playOn));
  const failures: Failure[] = [];
  for (const { plan, events, failure } of found) {
    failures.push(shrinks ? await shrink(plan, events, failure, open) : failure);
  }
  return { lives: played, failures, known };
};

export const describeFailure = ({ seed, text, story }: Failure): string =>
  `life ${seed} (LIVES_SEED=${seed} LIVES=1): ${text}\n${story.join('\n')}`;
