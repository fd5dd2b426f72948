import type { IncomingHttpHeaders } from 'node:http';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

/** As a URL has it: an address of IPv6 stands in brackets there. */
export const inUrl = (host: string) => (host.includes(':') ? `[${host}]` : host);

export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.includes(host) || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Refuses requests that a web page sends: one whose name was pointed at this machine (DNS rebinding), and one that
 * calls us from its own origin. Returns why, or undefined when the request may pass.
 *
 * `Host` must be a loopback name or an allowed one; on an address other than loopback any passes unless `allowedHosts`
 * names some. `Origin`, which browsers alone send, must always be of such a host.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security-endpoint
 */
export function createHostCheck(
  listensOnLoopback: boolean,
  allowedHosts: readonly string[],
): (headers: IncomingHttpHeaders) => string | undefined {
  const allowed = new Set(allowedHosts.map(withoutBrackets));
  const isAllowed = (name: string) => isLoopback(name) || allowed.has(name);
  const checksHost = listensOnLoopback || allowedHosts.length > 0;
  /** Callers have the same one, most of them. */
  let lastAllowed: string | undefined;
  return ({ host, origin }) => {
    if (checksHost && (host === undefined || host !== lastAllowed)) {
      const name = hostnameIn(host);
      if (!isAllowed(name)) return refusal('Host', host, name);
      lastAllowed = host;
    }
    if (origin === undefined) return undefined;
    const name = hostnameOf(origin);
    return isAllowed(name) ? undefined : refusal('Origin', origin, name);
  };
}

const HOST = /^(?:([\w.-]+)|\[([\da-f:.]+)\])(?::\d{1,5})?$/i;

/** The name in a `Host` header, without port; by hand, since every request has one. */
function hostnameIn(host: string | undefined): string {
  const match = host === undefined ? null : HOST.exec(host);
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase();
}

/** The host name of a URL or an origin, an IPv6 address without its brackets; "" where it has none. */
export function hostnameOf(url: string): string {
  return URL.canParse(url) ? withoutBrackets(new URL(url).hostname) : '';
}

/** An IPv6 address in brackets, as URLs write it, and without are the same host. */
function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

function refusal(header: string, value: string | undefined, name: string): string {
  const shown = value === undefined ? 'missing' : JSON.stringify(value.slice(0, 200));
  // A page from a file, or in a frame that is closed off, has the origin "null".
  const remedy =
    name === ''
      ? 'It names no host that allowedHosts in servers.json could list: call from one.'
      : 'To allow it, add its host name to allowedHosts in servers.json.';
  return `${header} ${shown} is not served here. ${remedy}`;
}
