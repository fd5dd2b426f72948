import type { ServerResponse } from 'node:http';

/**
 * Cuts the connection of a caller that does not read: when something waits to be sent and none of it has moved for this
 * long. Called after each write, it costs nothing as long as what is written also leaves.
 *
 * The timer is that of the socket, which Node starts anew while bytes move, and takes for itself once the answer is out.
 */
export function cutIfUnread(res: ServerResponse, timeoutMs: number): void {
  if (res.writableLength === 0 || res.destroyed || res.listenerCount('timeout') > 0) return;
  res.setTimeout(timeoutMs, () => {
    if (res.writableLength > 0) return res.destroy();
    res.removeAllListeners('timeout');
    res.setTimeout(0);
  });
}
