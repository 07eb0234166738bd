/** A proxy in front of a server that can lose the replies: the requests arrive, and nobody learns what became of them. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What becomes of a reply. `cut`: the connection is reset in its place. */
type Fate = 'passed' | 'swallowed' | 'cut';

export interface ReplyProxy {
  readonly port: number;
  /** @param text only the replies that contain it; all others pass. */
  replies(fate: Fate, text?: string): void;
  /** How many replies did not pass. */
  lost(): number;
  /** Where it passes requests on to, when that was not known at the start. */
  aim(port: number): void;
  close(): Promise<void>;
}

/** Passes everything on, until another mode is set. */
export const startReplyProxy = async (targetPort = 0): Promise<ReplyProxy> => {
  let fate: Fate = 'passed';
  let chosen = '';
  let target = targetPort;
  let lost = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        near.destroy();
        far.destroy();
        sockets.delete(socket);
      });
    }
    near.pipe(far);
    far.on('data', (data) => {
      if (fate === 'passed' || !data.includes(chosen)) {
        near.write(data);
        return;
      }
      lost += 1;
      if (fate === 'cut') near.resetAndDestroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    replies: (next, text = '') => {
      fate = next;
      chosen = text;
    },
    lost: () => lost,
    aim: (port) => {
      target = port;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};
