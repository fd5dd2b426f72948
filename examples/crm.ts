/**
 * A customer database as an MCP server: Streamable HTTP of the modern era (2026-07-28), no sessions.
 *
 * It wants its API key in `X-API-KEY`, and two routing headers: `X-Tenant-ID` (whose customers) and `X-API-Version`.
 *
 *     npx tsx examples/crm.ts
 */
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import express, { type RequestHandler } from 'express';
import { z } from 'zod';

const port = Number(process.env.CRM_PORT ?? 39201);
const apiKey = process.env.CRM_API_KEY ?? 'demo-crm-key';

interface Customer {
  id: string;
  name: string;
  company: string;
  phone: string;
  notes: string[];
}

const customersByTenant = new Map<string, Customer[]>([
  [
    'acme',
    [
      { id: 'C-1001', name: 'Ada Park', company: 'Northwind Bikes', phone: '+1 555 0101', notes: [] },
      { id: 'C-1002', name: 'Bruno Ortiz', company: 'Harbor Coffee', phone: '+1 555 0102', notes: [] },
      { id: 'C-1003', name: 'Adaeze Obi', company: 'Lumen Optics', phone: '+1 555 0103', notes: [] },
    ],
  ],
]);

function crm(customers: Customer[]): McpServer {
  const server = new McpServer(
    { name: 'crm', version: '1.0.0' },
    { instructions: 'Look a customer up before you add a note: notes need the customer id.' },
  );

  server.registerTool(
    'find_customer',
    {
      title: 'Find a customer',
      description: 'Finds customers by a part of their name or company. Returns id, name, company and phone.',
      inputSchema: z.object({ query: z.string().min(2).describe('Part of a name or company, e.g. "ada"') }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ query }) => {
      const wanted = query.toLowerCase();
      const found = customers.filter(({ name, company }) =>
        `${name} ${company}`.toLowerCase().includes(wanted),
      );
      const lines = found.map(({ id, name, company, phone }) => `${id}: ${name}, ${company}, ${phone}`);
      return { content: [{ type: 'text', text: lines.join('\n') || `No customer matches "${query}".` }] };
    },
  );

  server.registerTool(
    'add_note',
    {
      title: 'Add a note to a customer',
      description: 'Adds a note to one customer. Notes can be added, never changed or removed.',
      inputSchema: z.object({
        customer_id: z.string().describe('As find_customer returns it, e.g. "C-1001"'),
        text: z.string().min(1).max(500),
      }),
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    },
    async ({ customer_id, text }) => {
      const customer = customers.find(({ id }) => id === customer_id);
      if (!customer) {
        return { isError: true, content: [{ type: 'text', text: `There is no customer ${customer_id}.` }] };
      }
      customer.notes.push(text);
      const count = customer.notes.length;
      return { content: [{ type: 'text', text: `${customer.name} now has ${count} note(s).` }] };
    },
  );

  return server;
}

const guard: RequestHandler = (request, response, next) => {
  if (request.get('X-API-KEY') !== apiKey) {
    response.status(401).set('WWW-Authenticate', 'ApiKey realm="crm"');
    response.json({ error: 'unauthorized', message: 'Send a valid key in X-API-KEY.' });
  } else if (!customersByTenant.has(request.get('X-Tenant-ID') ?? '')) {
    response.status(400).json({ error: 'unknown_tenant', message: 'X-Tenant-ID names no tenant here.' });
  } else if (request.get('X-API-Version') !== '2') {
    response.status(400).json({ error: 'unknown_version', message: 'This server speaks X-API-Version 2.' });
  } else {
    next();
  }
};

// The handler calls this once per request, so each request sees its own tenant and nothing is kept in between.
const handler = createMcpHandler(({ requestInfo }) => {
  const tenant = requestInfo?.headers.get('X-Tenant-ID') ?? '';
  return crm(customersByTenant.get(tenant) ?? []);
});

const app = express();
app.all('/mcp', guard, toNodeHandler(handler));
app.listen(port, '127.0.0.1', (error) => {
  if (error) throw error;
  console.log(`crm: http://127.0.0.1:${port}/mcp`);
});
