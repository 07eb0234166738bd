/** Spans for the calls below a request: the wait for values, and the calls on the stores, of which one may serve many requests. */
import {
  type Attributes,
  type Context,
  type ContextManager,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { type SequenceId, sequenceKeyOf } from '../../core/values/sequence-id.ts';

/** Where a span belongs: below one, and beside others. */
interface Place {
  readonly parent: Context;
  readonly links: readonly Link[];
}

/** What an entry of a call that takes values says of the sequence it is for. */
interface Entry {
  readonly sequence: SequenceId;
}

type Method = (...args: unknown[]) => unknown;

/** A call that takes values names its sequences: `reserve(calls)`, `take(operation, takes)`. */
const entriesOf = (method: string, args: readonly unknown[]): readonly Entry[] | undefined => {
  if (method === 'reserve') return args[0] as readonly Entry[];
  return method === 'take' ? (args[1] as readonly Entry[]) : undefined;
};

/** As OpenTelemetry spells them, where it spells them differently. */
const SYSTEMS: Readonly<Record<string, string>> = { postgres: 'postgresql' };

/** The methods by which values are asked for; their first argument is the target. */
const ALLOCATING = ['allocate', 'allocateKeyed', 'reserve', 'reserveKeyed'];
/** Spans keep the names that dashboards know, where a method has another one by now. */
const SPAN_NAMES: Readonly<Record<string, string>> = { allocateKeyed: 'allocateOnce', reserveKeyed: 'reserveOnce' };

const isSampled = (span: Span): boolean => (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;

const linkTo = (context: Context): Link[] => {
  const span = trace.getSpan(context);
  return span === undefined ? [] : [{ context: span.spanContext() }];
};

const end = (span: Span, error?: unknown): void => {
  if (error !== undefined) {
    // The name alone: a message may hold what is nobody's business.
    span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
};

/** Ends the span with the result; `after` comes in any case. */
const ending = (span: Span, work: () => unknown, after: () => void = () => undefined): unknown => {
  let result: unknown;
  try {
    result = work();
  } catch (error) {
    end(span, error);
    after();
    throw error;
  }
  if (!(result instanceof Promise)) {
    end(span);
    after();
    return result;
  }
  return result.then(
    (value) => {
      end(span);
      after();
      return value;
    },
    (error: unknown) => {
      end(span, error);
      after();
      throw error;
    },
  );
};

export interface CallTracing {
  port<Port extends object>(port: Port, system: string, name: string): Port;
  allocator<Traced extends object>(allocator: Traced): Traced;
}

export const createCallTracing = (tracer: Tracer, contexts: ContextManager): CallTracing => {
  /** The requests that wait for values, by the name of the sequence, in the order of arrival. */
  const waiting = new Map<string, Set<Context>>();

  const wait = (name: string, context: Context): (() => void) => {
    const others = waiting.get(name) ?? new Set();
    waiting.set(name, others.add(context));
    return () => {
      others.delete(context);
      if (others.size === 0 && waiting.get(name) === others) waiting.delete(name);
    };
  };

  /** Below the request at work; beside it, when that has ended and something goes on. */
  const placeOfActive = (): Place => {
    const parent = contexts.active();
    const span = trace.getSpan(parent);
    if (span === undefined || span.isRecording() || !isSampled(span)) return { parent, links: [] };
    return { parent: ROOT_CONTEXT, links: linkTo(parent) };
  };

  /** Below the one that has waited longest, and beside all others that it serves. With nobody, it is a trace of its own. */
  const placeOfEntries = (entries: readonly Entry[]): Place => {
    const names = new Set(entries.map(({ sequence }) => sequenceKeyOf(sequence)));
    const [first, ...others] = [...names].flatMap((name) => [...(waiting.get(name) ?? [])]);
    return { parent: first ?? ROOT_CONTEXT, links: others.flatMap(linkTo) };
  };

  const traceCall = (port: object, method: Method, name: string, system: string, operation: string): Method => {
    const attributes: Attributes = { 'db.system.name': SYSTEMS[system] ?? system, 'db.operation.name': operation };
    return (...args) => {
      const entries = entriesOf(name, args);
      const { parent, links } = entries === undefined ? placeOfActive() : placeOfEntries(entries);
      const sized = entries === undefined ? attributes : { ...attributes, 'db.operation.batch.size': entries.length };
      const options = { kind: SpanKind.CLIENT, attributes: sized, links: [...links] };
      const span = tracer.startSpan(`${system} ${operation}`, options, parent);
      return contexts.with(trace.setSpan(parent, span), () => ending(span, () => method.apply(port, args)));
    };
  };

  const traceAllocation =
    (allocator: object, name: string, method: Method): Method =>
    (...args) => {
      const { parent } = placeOfActive();
      const span = tracer.startSpan(SPAN_NAMES[name] ?? name, { kind: SpanKind.INTERNAL }, parent);
      const context = trace.setSpan(parent, span);
      const leave = span.isRecording() ? wait((args[0] as { name: string }).name, context) : () => undefined;
      return contexts.with(context, () => ending(span, () => method.apply(allocator, args), leave));
    };

  const port = <Port extends object>(traced: Port, system: string, name: string): Port => {
    const members = Object.entries(traced).map(([key, member]): [string, unknown] => {
      // What is registered once is no call.
      if (typeof member === 'function' && !key.startsWith('on')) {
        return [key, traceCall(traced, member as Method, key, system, `${name}.${key}`)];
      }
      const isPort = typeof member === 'object' && member !== null;
      return [key, isPort ? port(member, system, name) : member];
    });
    return Object.fromEntries(members) as Port;
  };

  return {
    port,
    allocator: (traced) =>
      Object.fromEntries(
        Object.entries(traced).map(([key, member]) => [
          key,
          ALLOCATING.includes(key) ? traceAllocation(traced, key, member as Method) : member,
        ]),
      ) as typeof traced,
  };
};
