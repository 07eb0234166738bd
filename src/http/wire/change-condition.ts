/** Reads from headers and body which prefix config, and which version of it, a change is meant for. */
import { z } from 'zod';
import { ValidationError } from '../../core/errors.ts';
import type { SaidOfConfig } from '../../core/prefix-config/prefix-config-body.ts';

/** @param meaning its text in the API description. */
export const ifMatch = (meaning: string) => z.object({ 'if-match': z.string().max(128).optional().describe(meaning) });

/** @returns the version that may be replaced; undefined when there is no condition. @throws ValidationError */
export const readIfMatch = (header: string | undefined): number | 'any' | undefined => {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return 'any';
  const version = /^\s*"([0-9]{1,15})"\s*$/.exec(header)?.[1];
  if (version === undefined) {
    throw new ValidationError([
      { path: 'If-Match', message: 'One ETag in double quotes, as a reply carried it, or *' },
    ]);
  }
  return Number(version);
};

/** A change may repeat fields of a reply, as long as they belong to the same config. @throws ValidationError */
export const refuseOther = (
  { version, ...keys }: SaidOfConfig,
  prefixKey: string,
  expectedVersion: number | 'any' | undefined,
): void => {
  const problems = Object.entries(keys)
    .filter(([, given]) => given !== undefined && given !== prefixKey)
    .map(([path]) => ({ path, message: `Differs from the ${prefixKey} of the path` }));
  if (version !== undefined && typeof expectedVersion === 'number' && version !== expectedVersion) {
    problems.push({ path: 'version', message: 'Differs from If-Match' });
  }
  if (problems.length > 0) throw new ValidationError(problems);
};
