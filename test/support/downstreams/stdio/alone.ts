// A legacy server that lets no second process of its kind run: LOCK says where it leaves a sign of itself.
import { openSync, unlinkSync } from 'node:fs';
import { serveLines } from './lines.ts';

const lock = process.env.LOCK ?? '';
try {
  openSync(lock, 'wx');
} catch {
  process.stderr.write('Error: already running\n');
  process.exit(1);
}
process.on('exit', () => unlinkSync(lock));
process.on('SIGTERM', () => process.exit());
process.stdin.on('close', () => process.exit());

serveLines();
