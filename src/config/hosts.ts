import { isIPv6 } from 'node:net';
import type { Place } from './problems.ts';
import type { Reading } from './reading.ts';

/** Host names in the spelling of `URL.hostname`: lower case, punycode, IPv6 in brackets. */
export function readHosts(
  hosts: readonly (string | undefined)[],
  at: Place,
  { expander, report }: Reading,
): string[] {
  return hosts.flatMap((written, position) => {
    const place = [...at, position];
    const host = expander.expand(written, place);
    if (host === undefined) return [];
    const problem = judgeHost(host);
    if (problem === undefined) return [hostnameOf(`http://${inBrackets(host)}`) ?? host];
    report(place, problem);
    return [];
  });
}

function judgeHost(host: string): string | undefined {
  if (host === '') return 'is empty';
  if (host.includes('*')) return 'a * stands for nothing here; write out each host name';
  if (host.includes('://')) return `is a URL; write only its host name${example(hostnameOf(host))}`;
  const name = hostnameOf(`http://${inBrackets(host)}`);
  if (name === undefined || !/^(\[[\da-f:.]+\]|[a-z\d._-]+)$/.test(name))
    return 'is not a host name; write one as in "mcp.example.com"';
  if (/:\d*$/.test(inBrackets(host))) return `has a port; write only the host name${example(name)}`;
  return /[/?#@\s]/.test(host) ? `write only the host name${example(name)}` : undefined;
}

function example(name: string | undefined): string {
  return name === undefined || name === '' ? '' : `, "${name}"`;
}

function inBrackets(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

function hostnameOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}
