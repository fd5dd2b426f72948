// Writes what does not belong there to stdout, before and between its messages, and a lot to stderr.
import { serveLines } from './lines.ts';

process.stdout.write('Starting the server …\n\n');
process.stdout.write('{"level":"info","msg":"JSON, but not JSON-RPC"}\n42\nnull\n[]\n');
process.stderr.write(`${'a warning that nobody reads\n'.repeat(10_000)}`);

serveLines(({ method }) => {
  process.stdout.write(`DEBUG got ${method}\r\n`);
  process.stderr.write(`got ${method}\n`);
  return false;
});
