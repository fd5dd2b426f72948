import { drained } from '../../errors.ts';
import type { Channel } from '../channel/channel.ts';
import { createChannelLink } from '../channel/channel-link.ts';
import type { AttemptOptions, Connection } from '../connection.ts';
import { createControlClient } from './control-client.ts';

/** Does the handshake over a channel, on which all that runs ends with it. Ends the channel where that fails. */
export async function connectChannel(
  channel: Channel,
  key: string,
  options: AttemptOptions,
  probeMs = options.timeoutMs,
): Promise<Connection> {
  const { signal, timeoutMs } = options;
  const giveUp = () => void channel.close();
  signal.addEventListener('abort', giveUp);
  const client = createControlClient(options, probeMs);
  try {
    signal.throwIfAborted();
    await client.connect(channel, { timeout: timeoutMs });
  } catch (error) {
    await channel.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
  client.onclose = () => options.onClosed(channel.ended ?? 'closed');
  const era = client.getProtocolEra() ?? 'legacy';
  const link = createChannelLink(key, channel, era, client.getNegotiatedProtocolVersion() ?? '2025-03-26');
  return {
    link,
    client,
    async close() {
      // That is of our own making, and said so to whoever still waits.
      channel.failure ??= drained(key);
      delete client.onclose;
      await client.close().catch(() => {});
      await channel.close();
    },
  };
}
