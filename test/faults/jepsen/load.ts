/** The clients of a run: single and batch requests for every prefix at every node. */
import type { Cluster } from './cluster.ts';

/** About 75 values of K and 20 of M a second and node: a standby lasts for some ten seconds. */
const SERIES = [
  { prefixKey: 'K', clients: 3, pauseMs: 60, count: 1 },
  { prefixKey: 'K', clients: 1, pauseMs: 250, count: 7 },
  { prefixKey: 'M', clients: 1, pauseMs: 80, count: 1 },
  { prefixKey: 'M', clients: 1, pauseMs: 600, count: 5 },
] as const;

export const startLoad = ({ nodes, journal }: Cluster): void => {
  for (const node of nodes) {
    let number = 0;
    for (const { prefixKey, clients, pauseMs, count } of SERIES) {
      for (let client = 0; client < clients; client += 1) {
        number += 1;
        journal.history.startClient(`${node.label}${number}`, { node, prefixKey, pauseMs, count });
      }
    }
  }
};
