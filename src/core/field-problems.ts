/** Turns zod's issues into the field problems that callers see: one path and one sentence each. */
import type { z } from 'zod';
import type { FieldProblem } from './error-params.ts';

type Issue = z.core.$ZodIssue;

const joinPath = (path: readonly PropertyKey[], root: string): string =>
  path.length === 0 ? root : path.map(String).join('.');

const describe = (issue: Issue): string =>
  issue.code === 'invalid_type' && issue.message.endsWith('received undefined')
    ? 'Required, but missing'
    : issue.message;

/**
 * @param root what to call the value itself when an issue has no path: `body`, `query`.
 * @returns one entry per problem; unknown fields are named one by one.
 */
export const fieldProblemsOf = (issues: readonly Issue[], root: string): FieldProblem[] =>
  issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: joinPath([...issue.path, key], root), message: 'Unknown field' }))
      : [{ path: joinPath(issue.path, root), message: describe(issue) }],
  );
