/** One conversation as OpenAI Realtime holds it, shown on both hops: caller to gateway, gateway to MCP server. */
import { DemoProblem } from './children.ts';
import { createRealtimeCaller, type Exchange, type Tool } from './realtime-caller.ts';
import type { Received } from './report.ts';
import { heading, paint, say, sayFolded, sayHeaders } from './screen.ts';

/** Asked before a call: resolves with what that call brought to the MCP server, as the server itself saw it. */
export type Witness = () => Promise<Received | string>;

export interface Stage {
  url: string;
  token: string;
  /** By the server's key in servers.json. */
  witnesses: { crm: Witness; billing: Witness; notes: Witness };
  /** What the gateway had to say against a server, if its tools are missing. */
  warningOf(server: string): string;
}

const calls = [
  { server: 'crm', name: 'crm_find_customer', arguments: { query: 'ada park' } },
  { server: 'billing', name: 'billing__list_invoices', arguments: { customer_id: 'C-1001' } },
  { server: 'notes', name: 'notes__search_notes', arguments: { text: 'ada park' } },
] as const;

export async function playConversation({ url, token, witnesses, warningOf }: Stage): Promise<void> {
  const send = createRealtimeCaller(url, token);

  heading('1. Realtime asks who is there, and gets one list of tools');
  const discovered = await send('server/discover');
  sayRequest('server/discover', discovered);
  sayStatus(discovered, `speaks ${discovered.answer.result?.supportedVersions?.join(', ')}`);
  say();
  const listed = await send('tools/list');
  const tools = listed.answer.result?.tools ?? [];
  sayRequest('tools/list', listed, []);
  sayStatus(listed, `${tools.length} tools`);
  for (const tool of tools) say(`    ${tool.name.padEnd(26)} ${paint('dim', nature(tool))}`);

  heading('2. "Ada Park is on the line about her invoice. What do we know?"');
  for (const { server, ...params } of calls) {
    if (!tools.some(({ name }) => name === params.name)) {
      const why = warningOf(server) || `Is "${server}" still in servers.json, with its prefix?`;
      throw new DemoProblem(`The gateway does not offer ${params.name}.
${why}`);
    }
    const arrival = witnesses[server]();
    const called = await send('tools/call', params);
    sayRequest(`tools/call ${params.name}`, called, ['Authorization']);
    say(`            ${JSON.stringify(params.arguments)}`);
    sayArrival(server, await arrival, token);
    sayStatus(called);
    for (const line of answerText(called).split('\n')) sayFolded('   ', line, 4);
    say();
  }

  const refused = await createRealtimeCaller(url, 'wrong')('tools/list');
  say(`  The same with a wrong bearer: ${refused.status}. Nothing goes through.`);
}

function sayRequest(what: string, { headers }: Exchange, shown = Object.keys(headers)): void {
  say(`  ${paint('cyan', 'caller  >')} POST /mcp  ${what}`);
  sayHeaders(
    Object.entries(headers).filter(([name]) => shown.includes(name)),
    12,
  );
}

function sayStatus({ status, contentType, durationMs, answer }: Exchange, rest?: string): void {
  const outcome = answer.error ? `error ${answer.error.code}: ${answer.error.message}` : rest;
  const facts = [status, contentType, `${durationMs.toFixed(0)} ms`, outcome];
  say(`  ${paint('cyan', 'caller  <')} ${facts.filter(Boolean).join(', ')}`);
}

/** Headers that every HTTP request has, whoever sends it. */
const plumbing = /^(host|connection|content-|accept|transfer-encoding|sec-fetch-mode)/i;

function sayArrival(server: string, arrived: Received | string, token: string): void {
  if (typeof arrived === 'string') {
    say(`${label(server)} ${arrived}`);
    return;
  }
  say(`${label(server)} was sent`);
  sayHeaders(
    arrived.headers.filter(([name]) => !plumbing.test(name)),
    12,
  );
  const leaked = arrived.headers.some(([, value]) => value.includes(token));
  say(
    `            ${paint('dim', leaked ? "and the caller's bearer!" : "(the caller's bearer is not here)")}`,
  );
}

const label = (server: string) => `  ${paint('green', `${server.padEnd(7)} >`)}`;

const answerText = ({ answer }: Exchange) =>
  (answer.result?.content ?? []).map(({ type, text }) => text ?? `(${type})`).join('\n');

function nature({ annotations }: Tool): string {
  if (annotations?.readOnlyHint) return 'read only';
  return annotations?.destructiveHint ? 'destructive' : 'writes';
}
