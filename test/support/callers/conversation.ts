import type { WireTool } from '../downstreams/tools.ts';
import type { Message } from '../messages.ts';
import { type OpenReply, open, type Reply, type Sending, send } from '../wire-client.ts';

/** What a recorded caller can be told to do otherwise than it would by itself. */
export interface CallerOptions {
  /** Default: the first listed tool whose name ends in `echo`, with a text. */
  readonly call?: { readonly name: string; readonly arguments: Record<string, unknown> };
  /** The Authorization header as its user wrote it; default `Bearer <token>`. */
  readonly authorization?: string;
  /** Further headers that its user configured. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Replaces the caller's own limit for one request. */
  readonly timeoutMs?: number;
}

/** What a caller took away from its conversation. */
export interface Understood {
  /** The protocol version that it went on with, where it tells. */
  readonly version?: string;
  /** The tools that its model would see. */
  readonly tools: WireTool[];
  // biome-ignore lint/suspicious/noExplicitAny: a tool result is whatever the tool says.
  readonly result: any;
  /** Every HTTP answer, in order. */
  readonly replies: Reply[];
}

/** A recorded caller: plays its exact conversation and throws a {@link CallerBreaks} where it would not work. */
export type Caller = (url: string, token: string, options?: CallerOptions) => Promise<Understood>;

/** The server behaved in a way that this caller cannot live with. */
export class CallerBreaks extends Error {
  override readonly name = 'CallerBreaks';
}

export interface Conversation {
  readonly replies: Reply[];
  /** Throws the sentence, in the caller's name, unless the condition holds. */
  insist(condition: unknown, sentence: string): asserts condition;
  /** One HTTP exchange within the caller's time limit. */
  exchange(what: string, sending: Sending, url?: string): Promise<Reply>;
  /** GET for the stream of server messages; whoever opens it cuts it. */
  openStream(headers: Record<string, string>, timeoutMs: number): Promise<OpenReply>;
  /** A JSON-RPC request; the reply, whatever it is. */
  post(body: object, headers?: Record<string, string>): Promise<Reply>;
  /** A JSON-RPC request that must be answered by a result. */
  // biome-ignore lint/suspicious/noExplicitAny: a result is judged by who asked.
  ask(method: string, params?: object, headers?: Record<string, string>): Promise<any>;
  /** The one response in a reply. */
  responseIn(reply: Reply, id: number, what: string): Message;
  /** A notification, which must be accepted. */
  notify(method: string, headers?: Record<string, string>): Promise<void>;
}

export function converse(
  who: string,
  url: string,
  token: string,
  options: CallerOptions,
  own: { headers: Record<string, string>; timeoutMs: number },
): Conversation {
  const replies: Reply[] = [];
  const timeoutMs = options.timeoutMs ?? own.timeoutMs;
  const always = { authorization: options.authorization ?? `Bearer ${token}`, ...options.headers };
  let lastId = 0;

  const insist: Conversation['insist'] = (condition, sentence) => {
    if (!condition) throw new CallerBreaks(`${who}: ${sentence}`);
  };

  async function exchange(what: string, sending: Sending, to = url): Promise<Reply> {
    try {
      const headers = { ...always, ...sending.headers };
      const reply = await send(to, { ...sending, headers, signal: AbortSignal.timeout(timeoutMs) });
      replies.push(reply);
      return reply;
    } catch (cause) {
      throw new CallerBreaks(`${who}: the answer to ${what} ${whatHappened(cause, timeoutMs)}`, { cause });
    }
  }

  const post: Conversation['post'] = (body, headers = {}) =>
    exchange('method' in body ? String(body.method) : 'a response', {
      headers: { 'content-type': 'application/json', ...own.headers, ...headers },
      body,
    });

  function responseIn(reply: Reply, id: number, what: string): Message {
    insist(
      reply.framing !== 'other',
      `the answer to ${what} was ${reply.headers['content-type']}, neither JSON nor SSE`,
    );
    const responses = reply.messages.filter((message) => message.method === undefined);
    const [response] = responses;
    insist(
      responses.length === 1 && response,
      `the answer to ${what} held ${responses.length} responses instead of one`,
    );
    insist(
      response.id === id,
      `the answer to ${what} had id ${JSON.stringify(response.id)} instead of ${id}`,
    );
    insist(reply.messages.at(-1) === response, `something came after the response to ${what}`);
    return response;
  }

  return {
    replies,
    insist,
    exchange,
    post,
    responseIn,
    async openStream(extra, patienceMs) {
      const headers = { ...always, ...own.headers, accept: 'text/event-stream', ...extra };
      try {
        return await open(url, { method: 'GET', headers, signal: AbortSignal.timeout(patienceMs) });
      } catch (cause) {
        throw new CallerBreaks(`${who}: GET was not answered in ${patienceMs} ms`, { cause });
      }
    },
    async ask(method, params, headers) {
      const id = ++lastId;
      const reply = await post({ jsonrpc: '2.0', id, method, ...(params ? { params } : {}) }, headers);
      insist(
        reply.status === 200,
        `${method} was answered with HTTP ${reply.status}: ${reply.text.slice(0, 200)}`,
      );
      const { error, result } = responseIn(reply, id, method);
      insist(!error, `${method} failed with ${error?.code} ${error?.message}`);
      insist(result !== null && typeof result === 'object', `${method} was answered without a result`);
      return result;
    },
    async notify(method, headers) {
      const reply = await post({ jsonrpc: '2.0', method }, headers);
      insist(reply.status === 202, `${method} was answered with HTTP ${reply.status} instead of 202`);
      insist(reply.text === '', `${method} was answered with a body`);
    },
  };
}

function whatHappened(cause: unknown, timeoutMs: number): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return `did not come in ${timeoutMs} ms`;
  return cause instanceof SyntaxError
    ? 'was not the JSON that it said it was'
    : `did not come: ${cause.message}`;
}

/** Lets a real client play; whatever it throws is put into the caller's name. */
export async function play(
  who: string,
  url: string,
  token: string,
  options: CallerOptions,
  conversation: (talk: Conversation, headers: Record<string, string>) => Promise<Omit<Understood, 'replies'>>,
): Promise<Understood> {
  const talk = converse(who, url, token, options, { headers: {}, timeoutMs: 60_000 });
  const headers = { authorization: options.authorization ?? `Bearer ${token}`, ...options.headers };
  try {
    return { ...(await conversation(talk, headers)), replies: talk.replies };
  } catch (cause) {
    if (cause instanceof CallerBreaks) throw cause;
    throw new CallerBreaks(`${who}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** The call that the caller makes, given what it may choose from. */
export function chooseCall(tools: readonly WireTool[], options: CallerOptions, talk: Conversation) {
  if (options.call) return options.call;
  const echo = tools.find((tool) => /echo$/.test(tool.name));
  talk.insist(
    echo,
    `there is no echo tool among ${tools.map((tool) => tool.name).join(', ') || 'no tools at all'}`,
  );
  return { name: echo.name, arguments: { text: 'hello' } };
}
