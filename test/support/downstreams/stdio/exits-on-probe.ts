// Like servers on the Rust SDK: anything but initialize as the first message is an error that ends the process.
import { serveLines } from './lines.ts';

let initialized = false;

serveLines(({ method }) => {
  initialized ||= method === 'initialize';
  if (initialized) return false;
  process.stderr.write(`Error: expect initialize request, got ${method}\n`);
  process.exit(1);
});
