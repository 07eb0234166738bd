/** The one shape of every error reply: a problem document after RFC 9457. */
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../../core/error-params.ts';

export const PROBLEM_TYPE = 'application/problem+json';

const problemSchema = z
  .object({
    type: z.string().describe('Names the kind of problem; a URN that ends in the code.'),
    title: z.string().describe('The stable text of the problem.'),
    status: z.int().min(400).max(599).describe('The HTTP status.'),
    detail: z.string().describe('What happened, in a sentence for people.'),
    code: z.enum(ERROR_CODES).describe('The stable code for programs.').meta({ id: 'ErrorCode' }),
    requestId: z.string().describe('Finds this request in the log.'),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }).meta({ id: 'FieldProblem' }))
      .optional()
      .describe('What is wrong with which field.'),
  })
  .meta({ id: 'Problem' });

export type Problem = z.output<typeof problemSchema>;

/** The OpenAPI response of one status that carries a problem document with one of these codes. */
export const problemResponse = (...codes: ErrorCode[]) => ({
  description: codes.join(', '),
  content: { [PROBLEM_TYPE]: { schema: problemSchema } },
});

/** What every guarded call may answer besides its own. */
export const guardedResponses = {
  400: problemResponse('VALIDATION_ERROR'),
  401: problemResponse('UNAUTHORIZED'),
  403: problemResponse('FORBIDDEN'),
  500: problemResponse('INTERNAL'),
  503: problemResponse('STORAGE_UNAVAILABLE', 'STORAGE_TIMEOUT', 'CLOCK_BEHIND'),
};
