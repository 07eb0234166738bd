/** The closure of a sequence as it stands in the hash of its state. */
import type { Closure } from '../../../core/values/closure.ts';

/**
 * In one field, so that it is written at once: time and reason, as earlier versions read them, and in a line of its own who did it. A
 * reason has no line breaks.
 */
export const encodeClosure = ({ reason, closedAtMs, subject, requestId }: Closure): string =>
  `${closedAtMs} ${reason}\n${JSON.stringify({ subject, requestId })}`;

const decodeCloser = (line: string): Pick<Closure, 'subject' | 'requestId'> | undefined => {
  try {
    const { subject, requestId }: { subject?: unknown; requestId?: unknown } = JSON.parse(line);
    return {
      ...(typeof subject === 'string' && { subject }),
      ...(typeof requestId === 'string' && { requestId }),
    };
  } catch {
    return undefined;
  }
};

export const decodeClosure = (text: string | null | undefined): Closure | undefined => {
  const [, closedAtMs, told] = /^([0-9]+) (.*)$/s.exec(text ?? '') ?? [];
  if (told === undefined) return undefined;
  const [, reason = '', line = ''] = /^(.*)\n(\{.*\})$/s.exec(told) ?? [];
  const closer = line === '' ? undefined : decodeCloser(line);
  return { reason: closer === undefined ? told : reason, closedAtMs: Number(closedAtMs), ...closer };
};
