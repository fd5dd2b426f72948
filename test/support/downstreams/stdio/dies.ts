// Has a tool `die` that ends the process in the middle of the call.
import { serveLines } from './lines.ts';

serveLines(
  ({ method, params }) => {
    if (method !== 'tools/call' || params.name !== 'die') return false;
    process.stderr.write('fatal: out of luck\n');
    process.exit(3);
  },
  ['die'],
);
