import type { HttpDownstreamConfig } from '../../config/config.ts';
import { SseChannel } from '../channel/sse-channel.ts';
import type { AttemptOptions, Connection } from '../connection.ts';
import { connectChannel } from './connect-channel.ts';

/** Connects over HTTP+SSE, which is of the legacy era, and does the handshake. Leaves nothing open when it fails. */
export function connectSse(config: HttpDownstreamConfig, options: AttemptOptions): Promise<Connection> {
  // Streamable HTTP has such streams as well, which name no endpoint; then there is time to try that.
  const channel = new SseChannel(config, options.limits, options.timeoutMs / 2);
  return connectChannel(channel, config.key, { ...options, mode: 'legacy' });
}
