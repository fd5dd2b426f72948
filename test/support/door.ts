import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { refusingPort } from './refusing-port.ts';

/** A port that leads to a server, and can be as closed as that of one that starts again. */
export async function doorTo(url: string) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const onward = connect(Number(new URL(url).port), '127.0.0.1');
    for (const one of [socket, onward]) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => sockets.delete(one));
    }
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const shut = async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    if (server.listening) await once(server, 'close');
  };
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    /** Closes it, and resolves when it is: connections are refused from then on, until it is opened. */
    async close() {
      const closed = once(server, 'close');
      await shut();
      await closed;
      const held = await refusingPort(port);
      return async () => {
        await held.release();
        server.listen(port, '127.0.0.1');
        await once(server, 'listening');
      };
    },
    [Symbol.asyncDispose]: shut,
  };
}
