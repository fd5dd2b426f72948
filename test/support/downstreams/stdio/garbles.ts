// Its tool `garbles` answers in bytes that are no UTF-8, after a line of such bytes that is nobody's.
import { serveLines } from './lines.ts';

serveLines(
  ({ id, method, params }) => {
    if (method !== 'tools/call' || params.name !== 'garbles') return false;
    const answer = { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'caf\u00e9' }] } };
    process.stdout.write(Buffer.from('caf\u00e9\n', 'latin1'));
    process.stdout.write(Buffer.from(`${JSON.stringify(answer)}\n`, 'latin1'));
    return true;
  },
  ['garbles'],
);
