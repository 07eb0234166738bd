/** The id of a request: the caller's own when it cannot break a log line, otherwise one of ours. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Ids for requests without one: a prefix of this process and a count, which is much cheaper than a random id. */
export const createRequestIds = (): ((request: Pick<IncomingMessage, 'headers'>) => string) => {
  const name = randomBytes(9).toString('base64url');
  let count = 0;
  return ({ headers }) => {
    const given = headers['x-request-id'];
    if (typeof given === 'string' && REQUEST_ID.test(given)) return given;
    count += 1;
    return `${name}-${count.toString(36)}`;
  };
};
