import type { HttpDownstreamConfig } from '../config/config.ts';
import { closeChannel } from './channel.ts';
import { createChannelLink } from './channel-link.ts';
import type { AttemptOptions, Connection } from './connection.ts';
import { createControlClient } from './control-client.ts';
import { SseChannel } from './sse-channel.ts';

/** Connects over HTTP+SSE, which is of the legacy era, and does the handshake. Leaves nothing open when it fails. */
export async function connectSse(config: HttpDownstreamConfig, options: AttemptOptions): Promise<Connection> {
  options.signal.throwIfAborted();
  const { timeoutMs } = options;
  // Streamable HTTP has such streams as well, which name no endpoint; then there is time to try that.
  const channel = new SseChannel(config, options.limits, timeoutMs / 2);
  const giveUp = () => void channel.close();
  options.signal.addEventListener('abort', giveUp);
  const client = createControlClient(options, timeoutMs, 'legacy');
  try {
    await client.connect(channel, { timeout: timeoutMs });
  } catch (error) {
    await channel.close();
    throw error;
  } finally {
    options.signal.removeEventListener('abort', giveUp);
  }
  client.onclose = () => options.onClosed(channel.ended ?? 'closed');
  const link = createChannelLink(
    config.key,
    channel,
    'legacy',
    client.getNegotiatedProtocolVersion() ?? '2024-11-05',
  );
  // All that runs on it is answered on its one stream: it ends with it.
  return { link, client, close: () => closeChannel(channel, client, config.key) };
}
