import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Connection } from '../../../bench/load/connection.ts';

/** A server that answers with these pieces, each in a packet of its own. */
async function answeringWith(pieces: readonly string[]): Promise<Connection> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', async () => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connection = await Connection.open((server.address() as AddressInfo).port);
  onTestFinished(() => {
    connection.close();
    server.close();
  });
  return connection;
}

const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

test.each([
  ['of a known length', [`${head}Content-Length: 5\r\n\r\nhe`, 'll', 'o']],
  ['in chunks', [`${head}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n`, '3\r\nllo\r\n', '0\r\n\r\n']],
  ['in chunks, byte by byte', [...`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`]],
])('the load generator reads a body %s, again and again', async (_how, pieces) => {
  const connection = await answeringWith(pieces);
  for (let times = 0; times < 3; times++) {
    const { status, bytes } = await connection.roundTrip('GET / HTTP/1.1\r\n\r\n');
    expect([status, bytes.toString()]).toEqual([200, 'hello']);
  }
});

test('what only looks like the end of a body in chunks is not', async () => {
  const inside = 'a0\r\n\r\n';
  const connection = await answeringWith([
    `${head}Transfer-Encoding: chunked\r\n\r\n6\r\n${inside}`,
    '\r\n1\r\nz\r\n0\r\n\r\n',
  ]);
  expect((await connection.roundTrip('GET / HTTP/1.1\r\n\r\n')).bytes.toString()).toBe(`${inside}z`);
});
