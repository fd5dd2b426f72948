import { Client, type ClientOptions } from '@modelcontextprotocol/client';
import { IMPLEMENTATION } from '../version.ts';
import type { ConnectOptions } from './connection.ts';

/**
 * The SDK's client, for what is rare: handshake, era, lists, notices of change.
 *
 * @param mode  `auto` asks with `server/discover` which era it is, `legacy` begins with `initialize`
 */
export function createControlClient(
  options: ConnectOptions,
  probeTimeoutMs: number,
  mode: 'auto' | 'legacy',
): Client {
  const listChanged = {
    autoRefresh: false,
    // Its debounce begins anew with every notice: a server that announces without end would never be heard.
    debounceMs: 0,
    onChanged: () => options.onListChanged(),
  };
  const clientOptions: ClientOptions = {
    capabilities: {},
    versionNegotiation: { mode, probe: { timeoutMs: probeTimeoutMs } },
    // Compiling what a downstream wrote has frozen event loops; nothing is validated that is merely passed on.
    jsonSchemaValidator: {
      getValidator: () => (data) => ({ valid: true, data: data as never, errorMessage: undefined }),
    },
    listChanged: { tools: listChanged, prompts: listChanged, resources: listChanged },
  };
  const client = new Client(IMPLEMENTATION, clientOptions);
  // A stream of notices that breaks costs the notices, and no call.
  client.onerror = (error) =>
    options.log.debug({ event: 'control_error', error: error.message }, 'control connection');
  return client;
}
