/**
 * OpenAI Realtime with the gateway as its one MCP server. Asks one question in text; voice differs in nothing here.
 *
 *     OPENAI_API_KEY=sk-… SWITCHBOARD_TOKEN=… SWITCHBOARD_URL=https://<your tunnel>/mcp \
 *       npx tsx examples/realtime.ts "What do we know about Ada Park?"
 *
 * Without OPENAI_API_KEY it prints what it would send. It is OpenAI that calls SWITCHBOARD_URL, from outside.
 */
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import type {
  RealtimeMcpApprovalRequest,
  RealtimeToolsConfigUnion,
  SessionUpdateEvent,
} from 'openai/resources/realtime/realtime';

const question = process.argv[2] ?? 'What do we know about Ada Park, and does she owe us anything?';

const switchboard: RealtimeToolsConfigUnion.Mcp = {
  type: 'mcp',
  server_label: 'switchboard',
  server_url: process.env.SWITCHBOARD_URL ?? 'https://your-tunnel.example.com/mcp',
  // The bearer, without "Bearer ". Never together with headers.Authorization: the API refuses both at once.
  authorization: process.env.SWITCHBOARD_TOKEN ?? '<SWITCHBOARD_TOKEN>',
  // Left out, every call waits for an approval. Here what only reads runs at once, and the rest asks you below.
  require_approval: { never: { read_only: true }, always: { read_only: false } },
};

const sessionUpdate: SessionUpdateEvent = {
  type: 'session.update',
  session: { type: 'realtime', output_modalities: ['text'], tools: [switchboard] },
};

if (process.env.OPENAI_API_KEY) {
  converse();
} else {
  console.log(JSON.stringify(sessionUpdate, null, 2));
  console.error('\nThis is what would be sent. Set OPENAI_API_KEY to send it.');
}

function converse(): void {
  const realtime = new OpenAIRealtimeWS({ model: 'gpt-realtime' }, new OpenAI());

  realtime.on('session.created', () => realtime.send(sessionUpdate));

  // The import of the tools runs beside the session: a turn that begins before its end has none of them.
  realtime.on('mcp_list_tools.completed', () => {
    const content = [{ type: 'input_text' as const, text: question }];
    realtime.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
    realtime.send({ type: 'response.create' });
  });
  realtime.on('mcp_list_tools.failed', () => {
    console.error(`OpenAI could not list the tools of ${switchboard.server_url}.`);
    console.error('Is it reachable from outside, is its host in "allowedHosts", is the token right?');
    realtime.close();
  });

  realtime.on('conversation.item.done', async ({ item }) => {
    if (item.type === 'mcp_call') {
      console.log(`[${item.name} ${item.arguments}${item.error ? ' failed' : ''}]`);
      // The result of a tool is not spoken of by itself.
      realtime.send({ type: 'response.create' });
    } else if (item.type === 'mcp_approval_request') {
      const { id: approval_request_id } = item;
      const answer = {
        type: 'mcp_approval_response' as const,
        approval_request_id,
        approve: await ask(item),
      };
      const id = randomUUID().replaceAll('-', '');
      realtime.send({ type: 'conversation.item.create', item: { ...answer, id } });
    }
  });

  realtime.on('response.output_text.delta', ({ delta }) => process.stdout.write(delta));
  realtime.on('response.done', ({ response }) => {
    // After a call or a question for approval, more follows; after words alone, the model has finished.
    if (response.output?.every(({ type }) => type === 'message')) {
      console.log();
      realtime.close();
    }
  });
  realtime.on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
    realtime.close();
  });
}

async function ask({ name, arguments: given }: RealtimeMcpApprovalRequest): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Run ${name} ${given}? (y/n) `);
  terminal.close();
  return answer.trim().toLowerCase() === 'y';
}
