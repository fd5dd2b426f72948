import {
  downstreams,
  type Era,
  exposedName,
  modernMeta,
  resultHead,
  revision,
  token,
  toolNames,
} from '../scene.ts';
import type { Addressed } from './job.ts';

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
export function callTemplates(target: Addressed, era: Era, downstreamEra: Era): CallTemplate[] {
  const called = downstreams.filter((downstream) => downstream.era === downstreamEra);
  return toolNames.flatMap((tool) =>
    called.map((downstream) => {
      const name = target.direct ? tool : exposedName(downstream, tool);
      // The arguments carry the id too: of identical calls a gateway may well send one.
      const args = { query: 'open invoices of last month', limit: 20, n: 'ID' };
      const path = target.direct ? downstream.path : '/mcp';
      const { write } = template(path, era, 'tools/call', { name, arguments: args });
      return { write, expect: (id: number) => resultHead(downstream.key, tool, id) };
    }),
  );
}

export function listTemplate(target: Addressed, era: Era): Template {
  return template(anyPath(target, era), era, 'tools/list');
}

/** What a conversation opens with. */
export function openingTemplate(target: Addressed, era: Era): Template {
  if (era === 'modern') return template(anyPath(target, era), era, 'server/discover');
  return template(anyPath(target, era), era, 'initialize', {
    protocolVersion: revision.legacy,
    capabilities: {},
    clientInfo: { name: 'bench', version: '1' },
  });
}

/** The notification a legacy conversation goes on with. */
export function initializedRequest(target: Addressed): string {
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return `${headOf(anyPath(target, 'legacy'), 'legacy', 'notifications/initialized', body.length)}${body}`;
}

function anyPath(target: Addressed, era: Era): string {
  return target.direct ? (downstreams.find((downstream) => downstream.era === era)?.path ?? '') : '/mcp';
}

function template(path: string, era: Era, method: string, params: Record<string, unknown> = {}): Template {
  const all = era === 'modern' ? { ...params, _meta: modernMeta } : params;
  const message = { jsonrpc: '2.0', id: 'ID', method, params: all };
  const parts = JSON.stringify(message).split(idPlaceholder);
  const length = parts.join(String(firstId)).length;
  const name = typeof params.name === 'string' ? params.name : undefined;
  parts[0] = headOf(path, era, method, length, name) + parts[0];
  return { write: (id) => parts.join(String(id)) };
}

function headOf(path: string, era: Era, method: string, length: number, name?: string): string {
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `Content-Length: ${length}`,
  ];
  if (method !== 'initialize') lines.push(`MCP-Protocol-Version: ${revision[era]}`);
  if (era === 'modern') lines.push(`Mcp-Method: ${method}`);
  if (era === 'modern' && name !== undefined) lines.push(`Mcp-Name: ${name}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
