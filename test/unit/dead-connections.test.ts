import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';
import { rawPost } from '../support/raw-caller.ts';

/** What a connection gives to Node's server also when it was destroyed: that has read it already. */
class Connection extends Duplex {
  written = '';

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk;
    done();
  }

  // It is told that it is closed a while later.
  override _destroy(): void {}

  /** As those of `net` have it. */
  destroySoon(): void {
    if (this.writable) this.end();
  }

  async gives(text: string): Promise<void> {
    this.emit('data', Buffer.from(text));
    for (let turns = 0; turns < 5; turns++) await turn();
  }
}

test.each([
  ['destroyed', (connection: Connection) => connection.destroy()],
  ['ended', (connection: Connection) => connection.end()],
])('what still comes of a connection that was %s ends no gateway', async (_how, end) => {
  await using crm = await plainServer({ era: 'modern' });
  await using running = await startGateway({ mcpServers: { crm: crm.entry() } });
  const take = await running.gateway.member.join('localhost');
  const connection = new Connection();
  take(connection as unknown as Socket);
  await connection.gives(
    'PUT /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  );
  expect(connection.written).toMatch(/^HTTP\/1.1 405 .*Connection: close/is);
  end(connection);
  // The rest of what was refused, and one that waits for its turn; behind them one to which it is given.
  const ping = rawPost(running.token, '{"jsonrpc":"2.0","id":1,"method":"ping"}');
  await connection.gives(`0\r\n\r\n${ping}`);
  await connection.gives(ping);
  expect(connection.written).not.toContain('200');
  connection.emit('close');
});
