import { Client, type ClientOptions, type JSONObject } from '@modelcontextprotocol/client';
import { LATEST_MODERN_VERSION } from '../../protocol/eras.ts';
import { LISTED_FOR, TASKS } from '../../protocol/extensions.ts';
import type { Notification, Outcome, Params } from '../../protocol/messages.ts';
import { capabilityFor, ELICITATION_COMPLETE } from '../../protocol/questions.ts';
import { IMPLEMENTATION } from '../../version.ts';
import type { ConnectOptions } from '../connection.ts';
import type { Link } from '../link.ts';
import { answerAlone } from '../outgoing.ts';

/** The SDK's client, for what is rare: handshake, era, notices of change. */
export function createControlClient(options: ConnectOptions, probeTimeoutMs: number): Client {
  const { mode } = options;
  const clientOptions: ClientOptions = {
    // Tasks for the stream that tells of their states; a server of the legacy era knows nothing of that name.
    capabilities: {
      ...options.capabilities,
      extensions: { ...LISTED_FOR, [TASKS]: {} } as Record<string, JSONObject>,
    },
    versionNegotiation: {
      mode: mode === 'modern' ? { pin: LATEST_MODERN_VERSION } : mode,
      probe: { timeoutMs: probeTimeoutMs },
    },
    // Compiling what a downstream wrote has frozen event loops; nothing is validated that is merely passed on.
    jsonSchemaValidator: {
      getValidator: () => (data) => ({ valid: true, data: data as never, errorMessage: undefined }),
    },
  };
  const client = new Client(IMPLEMENTATION, clientOptions);
  for (const method of NOTICES) client.setNotificationHandler(method, (notice) => tell(notice, options));
  client.fallbackNotificationHandler = async (notice) => tell(notice, options);
  // A stream of notices that breaks costs the notices, and no call.
  client.onerror = (err) => options.log.debug({ event: 'control_error', err }, 'control connection');
  return client;
}

/** Those that the SDK's client knows; it has handlers of its own for some. */
const NOTICES = [
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
] as const;

/** What a server says of itself, whichever way it comes: `inRequest` on the stream of a request. */
export function tell(
  notice: Pick<Notification, 'method'> & { params?: Params | undefined },
  to: ConnectOptions,
  inRequest = false,
): void {
  const { method, params = {} } = notice;
  if (method === 'notifications/resources/updated') {
    if (typeof params.uri === 'string') to.onUpdated(params.uri, inRequest);
  } else if (method === 'notifications/tasks') to.onTask(params);
  else if (method === ELICITATION_COMPLETE) to.onElicitationDone(params.elicitationId);
  else if (method.endsWith('/list_changed')) to.onListChanged();
}

/** What a server says outside of the streams of its requests is heard by the SDK's client: it goes on to the link. */
export function passStrays(client: Client, link: Link): void {
  for (const method of ['notifications/message', 'notifications/progress'] as const) {
    client.setNotificationHandler(method, (notification) => {
      link.onStray({ jsonrpc: '2.0', ...notification } as Notification);
    });
  }
  client.fallbackRequestHandler = ({ method, params }, { mcpReq }) =>
    new Promise((resolve, reject) => {
      const settle = (outcome: Outcome) => {
        if ('result' in outcome) resolve(outcome.result);
        else reject(Object.assign(new Error(outcome.error.message), outcome.error));
      };
      const question = { method, ...(params !== undefined && { params: params as Params }) };
      const isKnown = capabilityFor(method) !== undefined;
      const takeBack = isKnown && link.onStrayQuestion(question, settle);
      if (takeBack) mcpReq.signal.addEventListener('abort', takeBack);
      else settle(answerAlone(method));
    });
}
