import type { HttpDownstreamConfig } from './config.ts';
import { readHeaders } from './headers.ts';
import type { Place } from './problems.ts';
import type { Reading, Server } from './reading.ts';
import { URL_FIELDS } from './server-kind.ts';

export type HttpPart = Pick<HttpDownstreamConfig, 'kind' | 'url' | 'headers' | 'transport'>;

/** What is particular to a server over HTTP. */
export function readHttp(server: Server, at: Place, reading: Reading): HttpPart | undefined {
  const headers = readHeaders(server, at, reading);
  const urls = URL_FIELDS.map((field) => readUrl(server[field], [...at, field], reading));
  const url = urls.find((each) => each !== undefined);
  if (url === undefined) return undefined;
  return { kind: 'http', url, headers, transport: server.type === 'sse' ? 'sse' : undefined };
}

function readUrl(text: string | undefined, at: Place, { expander, report }: Reading): string | undefined {
  const url = expander.expand(text, at);
  const problem = url === undefined ? undefined : judgeUrl(url);
  if (problem !== undefined) report(at, problem);
  return problem === undefined ? url : undefined;
}

/** Why a text cannot be the address of a server. It never quotes the text, which may hold a filled-in secret. */
function judgeUrl(text: string): string | undefined {
  if (text === '') return 'is empty';
  // Here, because URL drops line breaks and outer spaces without a word, and escapes the others.
  const bad = /[\s\p{Cc}]/u.exec(text);
  if (bad !== null) return `has a space or control character at character ${bad.index + 1}; remove it`;
  if (!/^https?:\/\//i.test(text)) return 'must begin with http:// or https://';
  if (!URL.canParse(text)) return 'is not a URL, as in https://crm.example.com/mcp';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    return 'holds a user name or password; put it into authorization, "Basic ..."';
  }
  return text.includes('#') ? 'has a fragment; remove it from the # on' : undefined;
}
