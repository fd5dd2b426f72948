/**
 * A notebook as an MCP server: a local process that speaks over stdin and stdout, in either era.
 *
 * There are no headers on a pipe, so its secret is an environment variable, `NOTES_TOKEN`. Whoever starts it sets it:
 * here that is the gateway, from `env` in servers.json.
 */
import { McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

const owners = new Map([['demo-notes-token', 'Sam']]);

// stdout belongs to the protocol: anything for people goes to stderr.
const owner = owners.get(process.env.NOTES_TOKEN ?? '');
if (!owner) {
  console.error('notes: NOTES_TOKEN is missing or unknown');
  process.exit(1);
}
console.error(`notes: NOTES_TOKEN opens the notebook of ${owner}`);

const notes = [
  {
    title: 'Call with Ada Park',
    text: 'Wants the August invoice split in two. Promised an answer by Friday.',
  },
  { title: 'Trade fair', text: 'Booth 14, bring the blue banners.' },
];

function notebook(): McpServer {
  const server = new McpServer(
    { name: 'notes', version: '0.4.1' },
    { instructions: `The notebook of ${owner}.` },
  );

  server.registerTool(
    'search_notes',
    {
      title: 'Search notes',
      description: 'Finds notes that contain a text in their title or body.',
      inputSchema: z.object({ text: z.string().min(2).describe('What to look for, e.g. "invoice"') }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ text }) => {
      const wanted = text.toLowerCase();
      const found = notes.filter((note) => `${note.title} ${note.text}`.toLowerCase().includes(wanted));
      const lines = found.map((note) => `${note.title}: ${note.text}`);
      return { content: [{ type: 'text', text: lines.join('\n') || `No note contains "${text}".` }] };
    },
  );

  server.registerTool(
    'add_note',
    {
      title: 'Write a note',
      description: 'Writes a new note into the notebook.',
      inputSchema: z.object({ title: z.string().min(1).max(80), text: z.string().min(1).max(2000) }),
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    },
    async ({ title, text }) => {
      notes.push({ title, text });
      return { content: [{ type: 'text', text: `Saved "${title}". There are ${notes.length} notes now.` }] };
    },
  );

  return server;
}

serveStdio(notebook);
