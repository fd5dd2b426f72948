import type { Logger } from '../log.ts';

/** Whoever was at the other end has gone, and whose connection it was is told that elsewhere. */
const GONE: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED']);

/** Keeps the process alive where only a reader has gone away; what nobody foresaw is logged before it ends. */
export function guardProcess(log: Logger): void {
  process.stdout.on('error', () => {});
  process.on('uncaughtException', (err: Error & { code?: unknown }) => {
    if (GONE.has(err.code)) {
      log.error({ event: 'unexpected', err }, 'a connection broke where nobody expected it');
      return;
    }
    log.fatal({ event: 'crashed', err }, 'the gateway ends by a fault of its own');
    process.exit(1);
  });
}
