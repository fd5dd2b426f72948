import type { Server } from 'node:http';
import { type AddressInfo, createServer, Server as NetServer, type Socket } from 'node:net';

/** How connections come to a front. */
export interface Entrance {
  /** Undefined where none come from outside. */
  readonly port: number | undefined;
  allow(connections: number): void;
  /** Takes in no more; resolves when those that are here have ended. */
  close(): Promise<void>;
}

/** A connection could not be taken in; others can. */
export type OnError = (error: Error) => void;

/** The front's own server listens. */
export async function listenOn(
  server: Server,
  host: string,
  port: number,
  onError: OnError,
): Promise<Entrance> {
  await listening(server, { host, port }, onError);
  return {
    port: (server.address() as AddressInfo).port,
    allow(connections) {
      server.maxConnections = connections;
    },
    // That of node:net: the one of node:http closes every connection that has no request, and on some there is one
    // underway, whose caller would not know what became of it.
    close: () => new Promise((resolve) => NetServer.prototype.close.call(server, () => resolve())),
  };
}

/**
 * Connections that are shared among processes: whoever takes one, has it.
 *
 * @param giveAway  true where another process takes it; it may come back from there, as it was
 */
export async function shareFrom(
  server: Server,
  host: string,
  port: number,
  giveAway: (connection: Socket, comeBack: (connection: Socket) => void) => boolean,
  onError: OnError,
): Promise<Entrance> {
  const { take, allow } = takeIn(server);
  const serve = (connection: Socket): void => {
    if (!giveAway(connection, serve)) take(connection);
  };
  const listener = createServer({ pauseOnConnect: true }, serve);
  await listening(listener, { host, port }, onError);
  return {
    port: (listener.address() as AddressInfo).port,
    // Not of the listener, which counts those on their way to others as well.
    allow,
    close: () => new Promise((resolve) => listener.close(() => resolve())),
  };
}

/** Connections that are put into `take`: from another process, or kept where they are shared. */
export function takeIn(server: Server): Entrance & { take(connection: Socket): void } {
  let open = 0;
  let most = Number.POSITIVE_INFINITY;
  let onEmpty = () => {};
  return {
    port: undefined,
    allow(connections) {
      most = connections;
    },
    take(connection) {
      if (open >= most) return void connection.destroy();
      open++;
      connection.once('close', () => {
        if (--open === 0) onEmpty();
      });
      server.emit('connection', connection);
      connection.resume();
    },
    close: () =>
      new Promise((resolve) => {
        onEmpty = resolve;
        if (open === 0) resolve();
      }),
  };
}

/** Where other processes hand requests over, beside any of these. */
export async function openBackDoor(
  server: Server,
  path: string,
  onConnection: (connection: Socket) => void,
  onError: OnError,
) {
  // Nothing listens for this server itself, and only then does Node look after its connections: the times that headers and
  // bodies may take, and `closeAllConnections`.
  server.emit('listening');
  const listener = createServer((connection) => {
    onConnection(connection);
    server.emit('connection', connection);
  });
  await listening(listener, { path }, onError);
  return listener;
}

function listening(
  server: NetServer,
  where: { host: string; port: number } | { path: string },
  onError: OnError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      // Each time: an 'error' that nobody hears would end the process.
      server.on('error', onError);
      resolve();
    });
  });
}
