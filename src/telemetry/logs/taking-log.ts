/**
 * The log of takings: a line for each request with a credential. Requests without one are only counted, by the metrics.
 */
import type { Listen } from '../../core/events/events.ts';
import type { Logger } from './logger.ts';

/** @returns what listens to the facts of the lower floors, and writes the takings that have a subject. */
export const createTakingLog = (logger: Logger): Listen => {
  // Looking for what has to be masked takes longer than all else of a line, and there is nothing of the kind in these.
  const plain = logger.child({}, { redact: [] });
  return ({ event, actor, requestId }) => {
    if (actor === undefined) return;
    if (event.type === 'numbers-issued') {
      const { prefixKey, count, source } = event;
      plain.info(
        { event: 'numbers-issued', prefix_key: prefixKey, count, source, subject: actor, request_id: requestId },
        'Numbers issued',
      );
    }
    if (event.type === 'reservation' && event.outcome !== 'void') {
      const { id, prefixKey, before, outcome } = event;
      if (before === outcome) return;
      plain.info(
        {
          ...{ event: 'reservation', status: outcome, id, prefix_key: prefixKey, before, after: outcome },
          ...{ subject: actor, request_id: requestId },
        },
        outcome === 'reserved' ? 'A number was reserved' : 'A reservation was confirmed',
      );
    }
  };
};
