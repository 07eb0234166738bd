/** One life of a series: performs its steps on the nodes of a site, and takes down what it is told. */
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { dayOf, earliestMarked, limitOf, periodOf, variablesOf } from './body.ts';
import type { Answer, Body, Driver, Row } from './driver.ts';
import { look } from './look.ts';
import {
  breach,
  createMemory,
  demand,
  demandUnlessKnown,
  type Keyed,
  type Memory,
  type PeriodMemory,
  periodIn,
} from './memory.ts';
import {
  demandServed,
  expectBeginning,
  expectOnTheWay,
  giveUp,
  isAway,
  isRepetition,
  type Moment,
  recordTaken,
} from './record.ts';
import { rowAt } from './rules.ts';
import type { Site } from './site.ts';
import { describeStep, type LifePlan, type Step } from './steps.ts';

const ANY_VALUE = { first: 0n, last: VALUE_MAX };
const DAY_MS = 86_400_000;
/** A key is remembered for a day; near its end nothing is said. */
const KEY_MS = 80_000_000;
const ADVANCES_MAX = 4;
const WEEK_MS = 7 * DAY_MS;

/** What a life needs to know of the world around it. */
export interface Surroundings {
  readonly site: Site;
  now(): number;
  /** Whether replies to the node are lost in this round. */
  isLossy(index: number): boolean;
  isCalm(): boolean;
  /** Rules that are known to be broken. */
  readonly excused: ReadonlySet<string>;
}

type TakeStep = Extract<Step, { kind: 'take' }>;

export const createLife = (plan: LifePlan, prefixKey: string, around: Surroundings) => {
  const { site } = around;
  const memory: Memory = createMemory(prefixKey, around.excused);

  const driverAt = (index: number): Driver => {
    const driver = site.drivers[index % site.drivers.length];
    if (driver === undefined) throw new Error('no nodes');
    return driver;
  };

  const momentAt = (index: number): Moment => {
    const at = index % site.drivers.length;
    const isWhole = site.isUp(at) && !around.isLossy(at);
    return { nowMs: around.now(), node: driverAt(at).node, isWhole, isCalm: around.isCalm() };
  };

  /** What a node goes by: the config as it is, or, while it is cut off, as it was when it last heard of one. */
  const bodyAt = (index: number): Body | undefined => {
    const { node } = driverAt(index);
    return site.hears(index) || !memory.heard.has(node) ? memory.body : memory.heard.get(node);
  };

  /** Nodes that are not cut off know the config as it is now; those that were cut off are given the time to read it. */
  const hearConfigs = async (): Promise<void> => {
    let isNews = false;
    for (const [index, { node }] of site.drivers.entries()) {
      if (!site.hears(index)) continue;
      isNews ||= memory.heard.has(node) && memory.heard.get(node) !== memory.body;
      memory.heard.set(node, memory.body);
    }
    if (isNews) await site.refresh(prefixKey);
  };

  const note = (text: string): void => {
    memory.log.push(text);
  };

  const told = (answer: Answer<unknown>): string => {
    if ('refused' in answer) return `${answer.refused}: ${answer.why}`;
    return answer.ok === undefined
      ? 'done'
      : JSON.stringify(answer.ok, (_key, value) => (typeof value === 'bigint' ? `${value}` : value));
  };

  /** Notes what nodes hold around a change of the format: those values are in doubt afterwards. */
  const aroundChange = async <Result>(index: number, change: () => Promise<Result>): Promise<Result> => {
    const { body } = memory;
    if (body === undefined) return change();
    const held = new Map<string, Pick<Row, 'first' | 'last'>[]>();
    const lookFor = async (): Promise<void> => {
      // An embedded store has one node, which holds nothing that another one could hand out.
      if (!site.isRemote) return;
      for (const { name } of memory.periods.values()) {
        const report = await driverAt(index).report(prefixKey, name === '' ? undefined : name);
        if ('refused' in report && !report.refused.startsWith('STORAGE_')) continue;
        // While the store cannot be asked, as right after an outage, any value may be held.
        const rows = 'refused' in report ? [ANY_VALUE] : report.ok.rows.filter(({ node }) => node !== undefined);
        held.set(name, [...(held.get(name) ?? []), ...rows]);
      }
    };
    await lookFor();
    const result = await change();
    await lookFor();
    memory.ends.push({ held, earliest: earliestMarked(body, around.now()) });
    return result;
  };

  /** A config that was to be written: it has the next version, or nothing has changed. */
  const recordConfig = async (answer: Answer<number>, body: Body, index: number): Promise<void> => {
    demandServed(answer, momentAt(index));
    if ('ok' in answer) {
      demand(answer.ok > memory.version, 'version-again', () => `${answer.ok} after ${memory.version}`);
      memory.version = answer.ok;
      memory.body = body;
      memory.bodies.push(body);
      await hearConfigs();
      return;
    }
    const before = memory.body;
    if (before === undefined || !momentAt(index).isWhole) return;
    const read = await driverAt(index).readConfig(prefixKey);
    if ('refused' in read && isAway(read)) return;
    const isSame = 'ok' in read && read.ok.version === memory.version && read.ok.format === before.format;
    demand(isSame, 'refused-but-changed', () => told(read));
  };

  /** Nobody is served of a prefix that is not registered. */
  const demandUnregistered = (answer: Answer<unknown>): void => {
    if (isAway(answer)) return;
    const code = 'refused' in answer ? answer.refused : 'it was served';
    demand(code === 'PREFIX_NOT_REGISTERED', 'served-unregistered', () => code);
  };

  /** Whether a refusal can be right. */
  const judgeRefusal = (
    answer: Answer<unknown>,
    body: Body,
    period: PeriodMemory,
    moment: Moment,
    isDated: boolean,
  ) => {
    if ('ok' in answer) return;
    demandServed(answer, moment);
    const { refused: code, why } = answer;
    const isRight =
      isAway(answer) ||
      (code === 'SEQUENCE_OVERFLOW' && body.overflow === 'reject') ||
      (code === 'PERIOD_CLOSED' && period.closed) ||
      (code === 'VALIDATION_ERROR' && isDated);
    demand(isRight, 'refused-without-reason', () => `${code}: ${why}`);
  };

  /** The idempotency key of a step: the same request again, or, a day later, a new one. */
  const keyedOf = (slot: number, fresh: Omit<Keyed, 'attempts' | 'numbers'>): { name: string; keyed: Keyed } => {
    for (let generation = slot; ; generation += 2) {
      const known = memory.keyed.get(generation);
      const name = `${prefixKey}-${generation}`;
      if (known !== undefined && fresh.firstMs - known.firstMs < KEY_MS) return { name, keyed: known };
      if (known !== undefined) continue;
      const keyed: Keyed = { ...fresh, attempts: [], numbers: undefined };
      memory.keyed.set(generation, keyed);
      return { name, keyed };
    }
  };

  const takeKeyed = async (step: TakeStep, slot: number, body: Body, moment: Moment): Promise<Answer<unknown>> => {
    const { nowMs, node } = moment;
    const fresh = { count: step.count, date: undefined, variables: variablesOf(body, step.desk), firstMs: nowMs };
    const { name, keyed } = keyedOf(slot, fresh);
    const { count, date, variables } = keyed;
    const period = periodIn(memory, periodOf(body, nowMs), nowMs);
    expectBeginning(period, body);
    const answer = await driverAt(step.node).take(prefixKey, { count, date, variables, idempotencyKey: name });
    if ('refused' in answer) {
      const isOtherFormat = JSON.stringify(variables) !== JSON.stringify(variablesOf(body, step.desk));
      judgeRefusal(answer, body, period, moment, isOtherFormat);
      if (!isAway(answer)) return answer;
      keyed.attempts.push({ format: body.format, atMs: nowMs, period: period.name, node });
      expectOnTheWay(period, node, count, body);
      return answer;
    }
    const { numbers, source } = answer.ok;
    demand(numbers.length === count, 'wrong-count', () => `${numbers}`);
    if (isRepetition(memory, keyed.numbers, numbers)) return answer;
    keyed.numbers = numbers;
    // An earlier attempt, of which no reply came, may be what was answered.
    const attempts = [...keyed.attempts, { format: body.format, atMs: nowMs, period: period.name, node }];
    for (const [index, { format, atMs }] of attempts.entries()) {
      try {
        recordTaken(
          memory,
          { texts: numbers, source, body: { ...body, format }, atMs, variables, state: 'issued' },
          moment,
        );
        break;
      } catch (error) {
        if (index === attempts.length - 1) throw error;
      }
    }
    return answer;
  };

  const take = async (step: TakeStep): Promise<Answer<unknown>> => {
    const body = bodyAt(step.node);
    const driver = driverAt(step.node);
    const moment = momentAt(step.node);
    const { count, daysBack } = step;
    if (body === undefined) {
      const nothing = { variables: undefined, date: undefined, idempotencyKey: undefined };
      const answer = await driver.take(prefixKey, { count, ...nothing });
      demandUnregistered(answer);
      return answer;
    }
    if (step.key !== undefined) return takeKeyed(step, step.key, body, moment);
    const atMs = moment.nowMs - (daysBack ?? 0) * DAY_MS;
    const variables = variablesOf(body, step.desk);
    const period = periodIn(memory, periodOf(body, atMs), atMs);
    const date = daysBack === undefined ? undefined : dayOf(atMs);
    const isPreviewed = date === undefined && moment.isWhole && period.onTheWay.size === 0;
    // What nodes hold may come back between preview and request.
    const name = period.name === '' ? undefined : period.name;
    const before = isPreviewed && site.isRemote ? await driver.report(prefixKey, name) : undefined;
    const preview = isPreviewed ? await driver.preview(prefixKey, variables) : undefined;
    const standing = isPreviewed ? await driver.sequence(prefixKey) : undefined;
    const held = standing !== undefined && 'ok' in standing && standing.ok.standby ? [standing.ok.standby] : [];
    if (before !== undefined && 'ok' in before) held.push(...before.ok.rows.filter(({ node }) => node !== undefined));
    const isGivenUp = body.strategy === 'gapless' && [...period.given.values()].some(({ state }) => state === 'brief');
    expectBeginning(period, body);
    const answer = await driver.take(prefixKey, { count, variables, date, idempotencyKey: undefined });
    if (!moment.isWhole) expectOnTheWay(period, moment.node, count, body);
    if ('refused' in answer) {
      judgeRefusal(answer, body, period, moment, date !== undefined);
      if (isAway(answer) && moment.isWhole) expectOnTheWay(period, moment.node, count, body);
      return answer;
    }
    const { numbers, source } = answer.ok;
    demand(numbers.length === count, 'wrong-count', () => `${numbers}`);
    const taken = { texts: numbers, source, body, atMs, variables, state: 'issued' } as const;
    const [first] = recordTaken(memory, taken, moment);
    if (preview !== undefined && 'ok' in preview && !isGivenUp && source !== 'standby') {
      // What the node held ready itself comes first, when this request makes it give that back.
      const wasHeld =
        first !== undefined && held.some((range) => range.first <= first.value && first.value <= range.last);
      const isRight = wasHeld || preview.ok.number === numbers[0];
      // A recovery may have begun in between, and gone on above what some node may have issued.
      const after = isRight ? undefined : await driver.report(prefixKey, name);
      const passedBy = after !== undefined && 'ok' in after && rowAt(after.ok.rows, preview.ok.value)?.reason;
      const rule = passedBy === 'recovery-jump' ? 'jumped' : 'preview-was-wrong';
      demandUnlessKnown(memory, isRight, rule, () => `${preview.ok.number}, then ${numbers[0]}`);
    }
    return answer;
  };

  const reserve = async (step: Extract<Step, { kind: 'reserve' }>): Promise<Answer<unknown>> => {
    const { body } = memory;
    const moment = momentAt(step.node);
    const variables = body && variablesOf(body, step.desk);
    const period = body && periodIn(memory, periodOf(body, moment.nowMs), moment.nowMs);
    if (body?.strategy === 'gapless' && period !== undefined) expectBeginning(period, body);
    const answer = await driverAt(step.node).reserve(prefixKey, step.isBrief ? 1 : WEEK_MS, variables);
    if (body === undefined || period === undefined) demandUnregistered(answer);
    else if ('refused' in answer) judgeRefusal(answer, body, period, moment, body.strategy !== 'gapless');
    else {
      const { id, number } = answer.ok;
      const state = step.isBrief ? 'brief' : 'reserved';
      const taken = { texts: [number], source: 'ledger', body, atMs: moment.nowMs, variables, state } as const;
      const [given] = recordTaken(memory, taken, moment);
      if (given !== undefined) memory.reservations.push({ id, given });
    }
    return answer;
  };

  const end = async (step: Extract<Step, { kind: 'confirm' | 'void' }>): Promise<Answer<unknown> | undefined> => {
    const reservation = memory.reservations.at(-1 - (step.which % Math.max(memory.reservations.length, 1)));
    if (reservation === undefined) return undefined;
    const { id, given } = reservation;
    const answer = await driverAt(step.node)[step.kind](id);
    demandServed(answer, momentAt(step.node));
    if ('ok' in answer) {
      const isRight =
        given.state === 'brief' ||
        given.state === 'reserved' ||
        given.state === (step.kind === 'confirm' ? 'confirmed' : 'void');
      demand(isRight, 'ended-twice', () => `${given.text} was ${given.state}`);
      if (step.kind === 'confirm') given.state = 'confirmed';
      else giveUp(memory, given);
    } else if (!isAway(answer)) {
      demand(given.state !== 'reserved', 'reservation-lost', () => `${given.text}: ${told(answer)}`);
      if (given.state === 'brief') giveUp(memory, given);
    }
    return answer;
  };

  const advance = async (step: Extract<Step, { kind: 'advance' }>): Promise<Answer<unknown>> => {
    const { body } = memory;
    const moment = momentAt(step.node);
    if (body === undefined) {
      const answer = await driverAt(step.node).advance(prefixKey, 1n);
      demandUnregistered(answer);
      return answer;
    }
    const period = periodIn(memory, periodOf(body, moment.nowMs), moment.nowMs);
    const known = [...period.given.keys(), period.movedTo, BigInt(body.initialSeq)];
    const to = known.reduce((a, b) => (a > b ? a : b)) + BigInt(step.by);
    expectBeginning(period, body);
    let answer = await driverAt(step.node).advance(prefixKey, to);
    // It waits for seconds at most until the sequence is open: on a busy machine the next one finds it open.
    for (let tries = 1; tries < ADVANCES_MAX && moment.isCalm && isAway(answer); tries += 1) {
      answer = await driverAt(step.node).advance(prefixKey, to);
    }
    demandServed(answer, moment);
    if ('ok' in answer) {
      period.hasBegun = true;
      const reached = answer.ok > to ? answer.ok : to;
      if (period.movedTo < reached) period.movedTo = reached;
    } else if (isAway(answer)) {
      if (period.movedTo < to) period.movedTo = to;
    } else {
      const { refused: code, why } = answer;
      const isRight =
        code === 'SEQUENCE_NOT_FORWARD' ||
        (code === 'PERIOD_CLOSED' && period.closed) ||
        (code === 'SEQUENCE_OVERFLOW' && to > limitOf(body)) ||
        (code === 'VALIDATION_ERROR' && body.strategy === 'gapless');
      demand(isRight, 'refused-without-reason', () => `advance to ${to}: ${code}: ${why}`);
    }
    return answer;
  };

  const close = async (step: Extract<Step, { kind: 'close' }>): Promise<Answer<unknown> | undefined> => {
    const { body } = memory;
    const moment = momentAt(step.node);
    const over = [...memory.periods.values()].filter(
      ({ name }) => body && name < periodOf(body, moment.nowMs) && name !== '',
    );
    const period = over[step.which % Math.max(over.length, 1)];
    if (body === undefined || period === undefined) return undefined;
    const answer = await driverAt(step.node).closePeriod(prefixKey, period.name);
    demandServed(answer, moment);
    if ('ok' in answer) period.closed = true;
    return answer;
  };

  const perform = async (step: Step, round: number): Promise<Answer<unknown> | undefined> => {
    switch (step.kind) {
      case 'register':
      case 'change': {
        const { kind } = step;
        const answer = await aroundChange(round, () => driverAt(round)[kind](prefixKey, step.body));
        await recordConfig(answer, step.body, round);
        return answer;
      }
      case 'remove': {
        const answer = await aroundChange(round, () => driverAt(round).remove(prefixKey));
        demandServed(answer, momentAt(round));
        if ('ok' in answer) {
          memory.body = undefined;
          await hearConfigs();
        }
        return answer;
      }
      case 'take':
        return take(step);
      case 'reserve':
        return reserve(step);
      case 'confirm':
      case 'void':
        return end(step);
      case 'advance':
        return advance(step);
      case 'close':
        return close(step);
      case 'rest':
        return undefined;
      default:
        return breach('unknown-step', step satisfies never);
    }
  };

  return {
    plan,
    memory,
    note,
    step: async (round: number): Promise<void> => {
      const step = plan.steps[round];
      if (step === undefined) return;
      await hearConfigs();
      if (step.kind !== 'rest') note(describeStep(step));
      const answer = await perform(step, round);
      if (answer !== undefined) note(`    → ${told(answer)}`);
      if (plan.looks[round] && momentAt(round).isWhole)
        await look(memory, driverAt(round), momentAt(round), { isEnd: false });
    },
    /** Days have passed: reservations may be over. */
    passDays: (days: number): void => {
      if (days * DAY_MS < WEEK_MS) return;
      for (const { given } of memory.reservations) if (given.state === 'reserved') given.state = 'brief';
    },
    /** A node ended in good order: it has given back what it had. */
    hasLeft: (node: string): void => {
      for (const { onTheWay } of memory.periods.values()) onTheWay.delete(node);
    },
    hasCrashed: (node: string): void => {
      memory.crashed.add(node);
    },
    end: async (): Promise<void> => {
      memory.unsettled = false;
      note('the end: all nodes gave back what they had');
      await look(memory, driverAt(0), momentAt(0), { isEnd: true });
    },
  };
};

export type Life = ReturnType<typeof createLife>;
