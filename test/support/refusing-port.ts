import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A loopback port that refuses every connection. */
export interface RefusingPort extends AsyncDisposable {
  readonly port: number;
  /** From now on it can be listened on. */
  release(): Promise<void>;
}

/**
 * Holds a port without listening on it. One that was merely free a moment ago may be given to the next server of the
 * run, which then answers.
 *
 * @param wanted  0: any
 */
export async function refusingPort(wanted = 0): Promise<RefusingPort> {
  // The near end of a connection has a port as well, for as long as the far end is there.
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: elsewhere } = server.address() as AddressInfo;
  const accepted = once(server, 'connection');
  const near = connect({
    host: '127.0.0.1',
    port: elsewhere,
    localAddress: '127.0.0.1',
    ...(wanted !== 0 && { localPort: wanted }),
  });
  await once(near, 'connect');
  const [far] = (await accepted) as [Socket];
  server.close();
  far.on('error', () => {});
  const port = near.localPort as number;
  const release = async () => {
    if (near.closed) return;
    // A port of a connection that was reset is free at once.
    near.resetAndDestroy();
    await once(near, 'close');
    far.destroy();
  };
  return { port, release, [Symbol.asyncDispose]: release };
}
