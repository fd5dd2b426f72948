// Its tool `garbles` answers in bytes that are no UTF-8, after a line of such bytes that is nobody's, and `garbles_rows`
// as well; `long_rows` in a line of more than 32 KiB. Rows have ids: those of the requests before and after this one.
import type { Message } from '../../messages.ts';
import { serveLines } from './lines.ts';

const text = (value: string) => ({ content: [{ type: 'text', text: value }] });

const withRows = (id: Message['id'], value: string) => ({
  structuredContent: { rows: [-2, -1, 0, 1, 2].map((n) => ({ id: Number(id) + n })) },
  ...text(value),
  last: { id: Number(id) - 1 },
});

const tools: Record<string, (id: Message['id']) => object> = {
  garbles: () => text('caf\u00e9'),
  garbles_rows: (id) => withRows(id, 'caf\u00e9'),
  long_rows: (id) => withRows(id, 'x'.repeat(32_768)),
};

serveLines(({ id, method, params }) => {
  const result = method === 'tools/call' ? tools[params.name]?.(id) : undefined;
  if (result === undefined) return false;
  const answer = params.arguments.idLast ? { result, id, jsonrpc: '2.0' } : { jsonrpc: '2.0', id, result };
  const line = JSON.stringify(answer);
  process.stdout.write(Buffer.from('caf\u00e9\n', 'latin1'));
  process.stdout.write(Buffer.from(`${line}\n`, 'latin1'));
  return true;
}, Object.keys(tools));
