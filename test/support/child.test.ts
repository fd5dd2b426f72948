import { expect, test } from 'vitest';
import { isAlive, startNode } from './child.ts';
import { folderWith } from './cli.ts';

test('a child is waited for by what it says, and sees only the environment it is given', async () => {
  await using folder = await folderWith({
    'hello.mjs': "console.log(process.env.WORD, 'HOME' in process.env)",
  });
  await using child = startNode(['hello.mjs'], { cwd: folder.path, env: { WORD: 'hi' } });
  expect((await child.waitFor('stdout', /hi (\w+)/))[1]).toBe('false');
  expect(await child.exit).toEqual({ code: 0, signal: null });
  await expect(child.waitFor('stdout', /bye/)).rejects.toThrow('the process ended (0) without /bye/');
});

test('what a child started is ended with it', async () => {
  const child = startNode([
    '-e',
    `const { pid } = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
     console.log('started', pid); setInterval(() => {}, 1000);`,
  ]);
  const pid = Number((await child.waitFor('stdout', /started (\d+)/))[1]);
  expect(isAlive(pid)).toBe(true);
  await child[Symbol.asyncDispose]();
  await expect.poll(() => isAlive(pid)).toBe(false);
});
