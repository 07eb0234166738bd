/** The client of a request, the same for every limit per client. */
import type { FastifyRequest } from 'fastify';

const GROUPS = 8;
/** A provider gives each customer a network of at least this size. */
const NETWORK_GROUPS = 4;
const MAPPED = /^::ffff:([0-9]+(?:\.[0-9]+){3})$/i;

const groupsOf = (text: string): string[] => text.split(':').filter((group) => group !== '');

/** An address of IPv4 as it is; of IPv6 the network of 64 bits, of which one client may use every address. */
export const networkOf = (address: string): string => {
  if (!address.includes(':')) return address;
  const [, mapped] = MAPPED.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  const [head = '', tail = ''] = (address.split('%', 1)[0] ?? '').split('::');
  const [first, last] = [groupsOf(head), groupsOf(tail)];
  const zeros = Array.from({ length: Math.max(0, GROUPS - first.length - last.length) }, () => '0');
  const network = [...first, ...zeros, ...last].slice(0, NETWORK_GROUPS);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
};

/** The subject of a verified token, or the first of the API keys that made each other; else the address. */
export const clientOf = ({ user, ip }: FastifyRequest): string =>
  user?.countedAs === undefined ? `address ${networkOf(ip)}` : `caller ${user.countedAs}`;
