// One downstream on stdio, for bridges that know no others. Its path is its argument.

import { createInterface } from 'node:readline';
import { downstreamAt } from '../scene.ts';
import { callResult, type Message, otherOutcome } from './answers.ts';

const downstream = downstreamAt(process.argv[2] ?? '');
if (downstream === undefined) throw new Error('There is no such downstream');

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line) as Message;
  const { id, method, params } = message;
  if (id === undefined) return;
  const outcome =
    method === 'tools/call' && params !== undefined
      ? callResult(downstream, params)
      : otherOutcome(downstream, message);
  process.stdout.write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},${outcome}}\n`);
});
