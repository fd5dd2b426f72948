import { createInterface } from 'node:readline';
import { type Child, startNode } from './child.ts';
import type { ServerEntry } from './downstreams/downstream.ts';
import type { Message } from './messages.ts';

/** A process spoken to over stdio, line by line, with nothing between the test and the wire. */
export interface StdioLine extends AsyncDisposable {
  readonly child: Child;
  /** Every line of its stdout, in order, as written. */
  readonly lines: string[];
  /** Those of them that are JSON-RPC messages. */
  readonly messages: Message[];
  send(message: object): void;
  /** Sends a request and waits for the response with its id; the id is chosen here unless given. */
  request(method: string, params?: object, id?: string | number): Promise<Message>;
}

/** Starts the process of a stdio entry, or of the CLI in `--stdio` mode. */
export function startLine(entry: ServerEntry): StdioLine {
  const { args = [], env = {} } = entry as { args?: string[]; env?: Record<string, string> };
  return speakLines(startNode(args, { env }));
}

export function speakLines(child: Child): StdioLine {
  const lines: string[] = [];
  const messages: Message[] = [];
  const waiting = new Map<unknown, (message: Message) => void>();
  const { stdin, stdout } = child.process;
  if (!stdin || !stdout) throw new Error('the process was started without pipes');
  let lastId = 0;

  createInterface({ input: stdout }).on('line', (line) => {
    lines.push(line);
    const message = parseMessage(line);
    if (!message) return;
    messages.push(message);
    if (message.method === undefined) waiting.get(message.id)?.(message);
  });

  const send = (message: object) => void stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  return {
    child,
    lines,
    messages,
    send,
    request(method, params, id = ++lastId) {
      const response = new Promise<Message>((resolve) => waiting.set(id, resolve));
      const ended = child.exit.then(() => {
        throw new Error(`the process ended before it answered ${method}:\n${child.stderr}`);
      });
      send({ id, method, ...(params ? { params } : {}) });
      return Promise.race([response, ended]);
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

function parseMessage(line: string): Message | undefined {
  try {
    const value = JSON.parse(line);
    return value?.jsonrpc === '2.0' ? value : undefined;
  } catch {
    return undefined;
  }
}
