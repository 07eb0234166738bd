/** What a call demands of its caller in the API description: a token or an API key with a scope, narrowed or not. */
import type { Action } from '../../core/access/scopes.ts';

/** `test/integration/scopes.test.ts` compares it, call by call, with what the guards refuse. */
export const securedBy = (action: Action): Record<string, Action[]>[] => [{ bearer: [action] }, { apiKey: [action] }];
