/** The log: JSON lines by pino, with secret values masked. */
import { type DestinationStream, type Logger as PinoLogger, type LoggerOptions as PinoOptions, pino } from 'pino';
import { plainJson, plainTexts } from '../../core/plain-text.ts';
import { REMEDIES } from './log-remedies.ts';
import { createLogSampling, type Sample } from './log-sampling.ts';

export type Logger = PinoLogger;

export const MASK = '****';
const MASKED = ['initial_seq', 'initialSeq', 'authorization', 'token', 'secret', 'password'];

/** A masked name may stand this deep in what is logged: `name`, `*.name`, `*.*.name` … */
const DEPTHS = Array.from({ length: 6 }, (_, depth) => '*.'.repeat(depth));

const WARN = 40;

/**
 * Runs before each line: leaves out what was just said, and adds to what is above `info` what to do about it.
 * @returns the fields to write; undefined: write nothing.
 */
const createEditor = (monotonic: () => number, writesAll: boolean) => {
  const sample: Sample = writesAll ? () => 0 : createLogSampling(monotonic);
  return (fields: Readonly<Record<string, unknown>>, level: number): Record<string, unknown> | undefined => {
    const leftOut = sample(fields);
    if (leftOut === undefined) return undefined;
    const remedy = level < WARN ? undefined : (fields['remedy'] ?? REMEDIES[String(fields['event'])]);
    return { ...fields, ...(remedy !== undefined && { remedy }), ...(leftOut > 0 && { left_out: leftOut }) };
  };
};

interface LoggerOptions {
  /** The name of this process, as the stores, the metrics and the replies say it: it stands in every line. */
  readonly node: string;
  /** Undefined: standard output. */
  readonly destination?: DestinationStream | undefined;
  /** Milliseconds of a clock that is never set back. */
  readonly monotonic?: () => number;
}

/** Lines for a person who looks at a terminal. Loaded only there. */
export const openPrettyLog = async (): Promise<DestinationStream> => {
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({ translateTime: 'HH:MM:ss', ignore: 'node,event,pid', singleLine: true, sync: true });
  return { write: (line) => stream.write(plainTexts(line)) };
};

export const createLogger = (level: string, options: LoggerOptions): Logger => {
  const { node, destination, monotonic = () => performance.now() } = options;
  // At these levels every line may be the one that is looked for.
  const edit = createEditor(monotonic, level === 'debug' || level === 'trace');
  const settings: PinoOptions = {
    level,
    base: { node },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: {
      streamWrite: plainJson,
      logMethod(line, write, level) {
        const [fields, ...rest] = line as [unknown, ...string[]];
        if (typeof fields !== 'object' || fields === null) return write.apply(this, line);
        const edited = edit(fields as Record<string, unknown>, level);
        if (edited !== undefined) write.apply(this, [edited, ...rest] as unknown as typeof line);
      },
    },
    redact: { paths: MASKED.flatMap((name) => DEPTHS.map((above) => above + name)), censor: MASK },
  };
  return destination === undefined ? pino(settings) : pino(settings, destination);
};
