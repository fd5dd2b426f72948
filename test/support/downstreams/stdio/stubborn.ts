// Neither the end of stdin nor SIGTERM ends it.
import { serveLines } from './lines.ts';

process.on('SIGTERM', () => {});
setInterval(() => {}, 1000);

serveLines();
