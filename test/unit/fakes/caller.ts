/** Who calls a service in its tests. */
export const CALLER = { subject: 'alice', requestId: 'r-1', client: 'caller alice' };
