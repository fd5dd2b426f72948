import type { StdioDownstreamConfig } from '../../config/config.ts';
import { cutText } from '../../cut.ts';
import { LATEST_MODERN_VERSION } from '../../protocol/eras.ts';
import { RPC } from '../../protocol/messages.ts';
import { capOf } from '../cap.ts';
import { StdioChannel } from '../channel/stdio-channel.ts';
import { type AttemptOptions, ConnectFailed, type Connection } from '../connection.ts';
import { connectChannel } from './connect-channel.ts';

const PROBE_TIMEOUT_MS = 5000;
const MAX_DETAIL_CHARS = 200;

/** Starts the command, finds out the era, and does its handshake. Leaves no process when it fails. */
export async function connectStdio(
  config: StdioDownstreamConfig,
  options: AttemptOptions,
): Promise<Connection> {
  const { failures = 0 } = options;
  // One process an attempt for a command that does not come up, and the two ways to begin in turn.
  const mode = failures % 2 === 0 ? options.mode : 'legacy';
  try {
    return await startStdio(config, { ...options, mode });
  } catch (error) {
    // Servers built on some SDKs exit on anything before `initialize`: begin with that, then.
    if (error instanceof EndedOnProbe && failures === 0)
      return startStdio(config, { ...options, mode: 'legacy' });
    // One that was too slow to answer the first question has refused `initialize`, and said what it speaks.
    if (options.mode === 'auto' && speaksModern(error))
      return startStdio(config, { ...options, mode: 'modern' });
    throw error;
  }
}

function speaksModern(error: unknown): boolean {
  const { code, data } = error as { code?: unknown; data?: { supported?: unknown } };
  const supported = code === RPC.unsupportedVersion ? data?.supported : undefined;
  return Array.isArray(supported) && supported.includes(LATEST_MODERN_VERSION);
}

class EndedOnProbe extends ConnectFailed {}

async function startStdio(config: StdioDownstreamConfig, options: AttemptOptions): Promise<Connection> {
  const { mode, timeoutMs } = options;
  const cap = capOf(options.limits, 'maxLineBytes');
  const channel = new StdioChannel(config, cap, options.limits.maxNoticesPerSecond, options.log);
  // Silence is the answer of some servers of the legacy era, and what is left is for their handshake.
  const probeMs = mode === 'modern' ? timeoutMs : Math.min(PROBE_TIMEOUT_MS, timeoutMs / 2);
  try {
    return await connectChannel(channel, config.key, options, probeMs);
  } catch (error) {
    const { ended } = channel;
    // It was we who closed it, for a reason that the error knows.
    if (ended === undefined || ended === 'closed') throw error;
    const Failed = mode === 'auto' && ended.startsWith('exit code') ? EndedOnProbe : ConnectFailed;
    const lastWords = channel.lastWords();
    throw new Failed(ended, lastWords && cutText(lastWords, MAX_DETAIL_CHARS));
  }
}
