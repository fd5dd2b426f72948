/**
 * A billing system as an MCP server: Streamable HTTP of the legacy era (2025-11-25), with sessions.
 *
 * It wants three credentials at once: `X-Client-ID` and `X-Client-Secret` for the API gateway it sits behind, and an
 * `Authorization` that is not a bearer, `ApiKey …`, for itself.
 *
 *     npx tsx examples/billing.ts
 */
import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import express, { type RequestHandler } from 'express';
import { z } from 'zod';

const port = Number(process.env.BILLING_PORT ?? 39202);
const clientId = process.env.BILLING_CLIENT_ID ?? 'demo-client';
const clientSecret = process.env.BILLING_CLIENT_SECRET ?? 'demo-billing-secret';
const apiKey = process.env.BILLING_API_KEY ?? 'demo-billing-key';

const invoices = [
  { id: 'INV-2041', customer: 'C-1001', date: '2026-07-03', cents: 12900, status: 'paid' },
  { id: 'INV-2057', customer: 'C-1001', date: '2026-08-02', cents: 4550, status: 'open' },
  { id: 'INV-2060', customer: 'C-1002', date: '2026-08-05', cents: 78000, status: 'open' },
];

const dollars = (cents: number) => `$${(cents / 100).toFixed(2)}`;

function billing(): McpServer {
  const server = new McpServer({ name: 'billing', version: '3.2.0' });

  server.registerTool(
    'list_invoices',
    {
      title: 'List invoices',
      description: 'Lists the invoices of one customer, oldest first, with date, amount and status.',
      inputSchema: {
        customer_id: z.string().describe('Customer id, e.g. "C-1001"'),
        status: z.enum(['open', 'paid', 'refunded']).optional().describe('Only these; all when left out'),
      },
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ customer_id, status }) => {
      const found = invoices.filter(
        (invoice) => invoice.customer === customer_id && (!status || invoice.status === status),
      );
      const lines = found.map(
        ({ id, date, cents, status }) => `${id}: ${date}, ${dollars(cents)}, ${status}`,
      );
      return {
        content: [{ type: 'text', text: lines.join('\n') || `No such invoices for ${customer_id}.` }],
      };
    },
  );

  server.registerTool(
    'refund_invoice',
    {
      title: 'Refund an invoice',
      description: 'Pays the whole amount of a paid invoice back to the customer. This cannot be undone.',
      inputSchema: {
        invoice_id: z.string().describe('As list_invoices returns it, e.g. "INV-2041"'),
        reason: z.string().min(1).max(200).describe('Printed on the credit note'),
      },
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
    },
    async ({ invoice_id, reason }) => {
      const invoice = invoices.find(({ id }) => id === invoice_id);
      if (invoice?.status !== 'paid') {
        const problem = invoice ? `is ${invoice.status}, not paid` : 'does not exist';
        return { isError: true, content: [{ type: 'text', text: `${invoice_id} ${problem}.` }] };
      }
      invoice.status = 'refunded';
      const text = `Refunded ${dollars(invoice.cents)} for ${invoice_id}: ${reason}`;
      return { content: [{ type: 'text', text }] };
    },
  );

  return server;
}

const guard: RequestHandler = (request, response, next) => {
  const known =
    request.get('X-Client-ID') === clientId &&
    request.get('X-Client-Secret') === clientSecret &&
    request.get('Authorization') === `ApiKey ${apiKey}`;
  if (known) return next();
  response.status(401).set('WWW-Authenticate', 'ApiKey realm="billing"').json({
    error: 'unauthorized',
    message: 'Send X-Client-ID, X-Client-Secret and Authorization: ApiKey <key>.',
  });
};

// Each client that initializes gets a session of its own: a transport, a server, and the Mcp-Session-Id that finds them.
const sessions = new Map<string, StreamableHTTPServerTransport>();

async function openSession(): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
  });
  await billing().connect(transport as Transport);
  return transport;
}

const app = express();
app.all('/mcp', guard, express.json(), async (request, response) => {
  const known = sessions.get(request.get('Mcp-Session-Id') ?? '');
  if (known) {
    await known.handleRequest(request, response, request.body);
  } else if (isInitializeRequest(request.body)) {
    await (await openSession()).handleRequest(request, response, request.body);
  } else {
    // 404 tells a client that its session is gone and that it may start another.
    const error = { code: -32001, message: 'Session not found' };
    response.status(404).json({ jsonrpc: '2.0', id: null, error });
  }
});
app.listen(port, '127.0.0.1', (error) => {
  if (error) throw error;
  console.log(`billing: http://127.0.0.1:${port}/mcp`);
});
