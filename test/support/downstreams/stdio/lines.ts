import { createInterface } from 'node:readline';
import type { Message } from '../../messages.ts';
import { commonTools } from '../tools.ts';
import { record } from './record.ts';
import { recordedTools } from './recorded-tools.ts';

export function send(message: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

/**
 * A legacy server by hand: one JSON-RPC message a line.
 *
 * @param intercept  sees every message first; true means that it took care of it
 * @param extraTools  names of tools that `intercept` answers
 */
export function serveLines(
  intercept: (message: Message) => boolean = () => false,
  extraTools: string[] = [],
): void {
  record({
    event: 'started',
    pid: process.pid,
    env: { ...process.env } as Record<string, string>,
    cwd: process.cwd(),
  });
  const tools = recordedTools();
  const running = new Map<unknown, AbortController>();
  const named = extraTools.map((name) => ({ name, inputSchema: { type: 'object', properties: {} } }));

  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const message: Message = JSON.parse(line);
      record({ event: 'received', message });
      if (!intercept(message)) answer(message);
    })
    .on('close', () => record({ event: 'stdin closed' }));

  function answer({ id, method, params }: Message) {
    switch (method) {
      case 'initialize':
        return send({
          id,
          result: {
            protocolVersion: params.protocolVersion,
            capabilities: { tools: {} },
            serverInfo: { name: 'fixture-lines', version: '0.0.1' },
          },
        });
      case 'ping':
        return send({ id, result: {} });
      case 'tools/list':
        return send({ id, result: { tools: [...commonTools, ...named] } });
      case 'tools/call':
        return void call(id, params);
      case 'notifications/cancelled':
        return running.get(params.requestId)?.abort();
      default:
        if (id !== undefined) send({ id, error: { code: -32601, message: 'Method not found' } });
    }
  }

  async function call(id: Message['id'], params: Message['params']) {
    const controller = new AbortController();
    running.set(id, controller);
    const { name, arguments: args = {}, _meta: meta } = params;
    const progress = async (done: number, total: number) =>
      send({
        method: 'notifications/progress',
        params: { progressToken: meta?.progressToken, progress: done, total },
      });
    try {
      send({
        id,
        result: await tools.run({ name, arguments: args, meta, signal: controller.signal, progress }),
      });
    } catch (error) {
      if (!controller.signal.aborted) send({ id, error: { code: -32602, message: String(error) } });
    }
  }
}
