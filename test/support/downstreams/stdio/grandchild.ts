// Starts a process of its own that would outlive it, as `npx` and shells do.
import { spawn } from 'node:child_process';
import { serveLines } from './lines.ts';
import { record } from './record.ts';

const grandchild = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
// This process itself goes when it is told to; the other is not told.
grandchild.unref();
const { pid } = grandchild;
if (pid === undefined) throw new Error('could not start the grandchild');
record({ event: 'grandchild', pid });

serveLines();
