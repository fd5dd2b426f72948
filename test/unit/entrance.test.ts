import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { listenOn } from '../../src/caller/http/entrance.ts';

test('a connection that cannot be taken in is told, each time, and ends nothing', async () => {
  const server = createServer();
  const told: Error[] = [];
  const entrance = await listenOn(server, '127.0.0.1', 0, (error) => void told.push(error));
  // What Node does where there are no more files to open: nothing that a test can bring about on every machine.
  const errors = [new Error('EMFILE'), new Error('EMFILE'), new Error('ENFILE')];
  for (const error of errors) server.emit('error', error);
  expect(told).toEqual(errors);
  await entrance.close();
});

test('a port that is taken is told once, to who wanted to listen', async () => {
  const first = createServer();
  const told: Error[] = [];
  const entrance = await listenOn(first, '127.0.0.1', 0, () => {});
  const second = listenOn(
    createServer(),
    '127.0.0.1',
    Number(entrance.port),
    (error) => void told.push(error),
  );
  await expect(second).rejects.toThrow('EADDRINUSE');
  expect(told).toEqual([]);
  await entrance.close();
});
