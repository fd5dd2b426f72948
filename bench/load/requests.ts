import { downstreamsOf, type Era, modernMeta, resultHead, revision, token, toolNames } from '../scene.ts';
import type { Addressed, Job } from './job.ts';

/** Ids are nine digits, so that every request of one kind has one length. */
export const firstId = 100_000_000;
const idPlaceholder = '"ID"';

/** A request that only waits for its id. */
export interface Template {
  write(id: number): string;
}

export interface CallTemplate extends Template {
  /** What the text of the result begins with. */
  expect(id: number): string;
}

/** One for each tool of the downstreams of an era; neighbours go to different downstreams. */
export function callTemplates({
  target,
  era,
  downstreamEra,
  bytes,
  answer,
  accept,
  paceMs,
}: Job): CallTemplate[] {
  const called = downstreamsOf(target.scene).filter((downstream) => downstream.era === downstreamEra);
  return toolNames(target.scene.toolsEach).flatMap((tool) =>
    called.map((downstream) => {
      const name = target.separator === undefined ? tool : `${downstream.key}${target.separator}${tool}`;
      const asked = {
        ...(bytes && { bytes }),
        ...(answer === 'sse' && { sse: true }),
        ...(paceMs && { paceMs }),
      };
      // The arguments carry the id too: of identical calls a gateway may well send one.
      const args = { query: 'open invoices of last month', limit: 20, n: 'ID', ...asked };
      const path = target.path ?? downstream.path;
      const { write } = template({ path, era, accept }, 'tools/call', { name, arguments: args });
      return { write, expect: (id: number) => resultHead(downstream.key, tool, id) };
    }),
  );
}

export function listTemplate({ target, era, accept }: Job): Template {
  return template({ path: anyPath(target, era), era, accept }, 'tools/list');
}

/** What a conversation opens with. */
export function openingTemplate({ target, era }: Job): Template {
  const to = { path: anyPath(target, era), era };
  if (era === 'modern') return template(to, 'server/discover');
  return template(to, 'initialize', {
    protocolVersion: revision.legacy,
    capabilities: {},
    clientInfo: { name: 'bench', version: '1' },
  });
}

/** The notification a legacy conversation goes on with. */
export function initializedRequest({ target }: Job): string {
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
  const to = { path: anyPath(target, 'legacy'), era: 'legacy' } as const;
  return `${headOf(to, 'notifications/initialized', body.length)}${body}`;
}

/** What opens the stream of a session. */
export function streamRequest({ target }: Job): string {
  const lines = [
    `GET ${target.path ?? '/mcp'} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: Bearer ${token}`,
    'Accept: text/event-stream',
    `MCP-Protocol-Version: ${revision.legacy}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

export function withSession(request: string, session: string | undefined): string {
  return session === undefined ? request : request.replace('\r\n', `\r\nMcp-Session-Id: ${session}\r\n`);
}

function anyPath({ path, scene }: Addressed, era: Era): string {
  return path ?? downstreamsOf(scene).find((downstream) => downstream.era === era)?.path ?? '';
}

/** Where a request goes, and as whose. */
interface To {
  readonly path: string;
  readonly era: Era;
  readonly accept?: Job['accept'] | undefined;
}

function template(to: To, method: string, params: Record<string, unknown> = {}): Template {
  const all = to.era === 'modern' ? { ...params, _meta: modernMeta } : params;
  const message = { jsonrpc: '2.0', id: 'ID', method, params: all };
  const parts = JSON.stringify(message).split(idPlaceholder);
  const length = parts.join(String(firstId)).length;
  const name = typeof params.name === 'string' ? params.name : undefined;
  parts[0] = headOf(to, method, length, name) + parts[0];
  return { write: (id) => parts.join(String(id)) };
}

const accepted = {
  json: 'application/json',
  sse: 'text/event-stream',
  either: 'application/json, text/event-stream',
};

function headOf({ path, era, accept }: To, method: string, length: number, name?: string): string {
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Accept: ${accepted[accept ?? 'either']}`,
    `Content-Length: ${length}`,
  ];
  if (method !== 'initialize') lines.push(`MCP-Protocol-Version: ${revision[era]}`);
  if (era === 'modern') lines.push(`Mcp-Method: ${method}`);
  if (era === 'modern' && name !== undefined) lines.push(`Mcp-Name: ${name}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
