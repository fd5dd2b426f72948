import type { Headers } from './config.ts';
import type { Expander } from './expand.ts';
import { judgeAuthorization, judgeHeaderName, judgeHeaderValue, withScheme } from './header-rules.ts';
import { formatPlace, type Place, type Report } from './problems.ts';
import type { Reading, Server } from './reading.ts';
import type { HeadersShape } from './schema.ts';
import type { Partly } from './shape.ts';

/** One header as it stands in the file; a part whose type is wrong is missing. */
interface WrittenHeader {
  readonly name: string | undefined;
  readonly nameAt: Place;
  readonly value: string | undefined;
  readonly valueAt: Place;
  readonly addsScheme: boolean;
}

/**
 * The headers of one server, filled in, in the order and spelling of the file, from every form in which people
 * write them. A header with a problem is left out.
 */
export function readHeaders(server: Server, at: Place, { expander, report }: Reading): Headers {
  const headers: [string, string][] = [];
  const seenAt = new Map<string, Place>();
  for (const written of listHeaders(server, at)) {
    const name = readName(written, report);
    const value = readValue(written, expander, report);
    if (name === undefined) continue;
    const earlier = seenAt.get(name.toLowerCase());
    if (earlier !== undefined) {
      const there = formatPlace(earlier.slice(at.length));
      report(written.nameAt, `${name} is already set by ${there}; keep one of them`);
    }
    seenAt.set(name.toLowerCase(), earlier ?? written.nameAt);
    if (value !== undefined) headers.push([name, value]);
  }
  return headers;
}

function listHeaders(server: Server, at: Place): WrittenHeader[] {
  return Object.keys(server).flatMap((field) => {
    const fieldAt = [...at, field];
    if (field === 'authorization') return [authorization(server.authorization, fieldAt)];
    if (field === 'headers' || field === 'custom_headers') return listForm(server[field], fieldAt);
    return [];
  });
}

function authorization(value: string | undefined, at: Place): WrittenHeader {
  return { name: 'Authorization', nameAt: at, value, valueAt: at, addsScheme: true };
}

function listForm(form: Partly<HeadersShape> | undefined, at: Place): WrittenHeader[] {
  if (form === undefined) return [];
  if (!Array.isArray(form)) {
    return Object.entries(form).map(([name, value]) => {
      return { name, nameAt: [...at, name], value, valueAt: [...at, name], addsScheme: false };
    });
  }
  return form.map((item, position) => {
    const itemAt = [...at, position];
    return {
      name: item?.name,
      nameAt: [...itemAt, 'name'],
      value: item?.value,
      valueAt: [...itemAt, 'value'],
      addsScheme: false,
    };
  });
}

function readName({ name, nameAt }: WrittenHeader, report: Report): string | undefined {
  if (name === undefined) return undefined;
  const problem = judgeHeaderName(name);
  if (problem !== undefined) report(nameAt, problem);
  return problem === undefined ? name : undefined;
}

function readValue(
  { value, valueAt, addsScheme }: WrittenHeader,
  expander: Expander,
  report: Report,
): string | undefined {
  const expanded = expander.expand(value, valueAt, 'refused');
  if (expanded === undefined) return undefined;
  const problem = judgeHeaderValue(expanded) ?? (addsScheme ? judgeAuthorization(expanded) : undefined);
  if (problem !== undefined) {
    report(valueAt, problem);
    return undefined;
  }
  return addsScheme ? withScheme(expanded) : expanded;
}
