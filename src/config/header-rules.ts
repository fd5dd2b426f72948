/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What undici sends: one line of Latin-1. Anything else it refuses at the first call, long after the start. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;

const BY_GATEWAY = 'is set by the gateway itself; remove it';
const PER_CONNECTION = 'concerns a single connection, which the gateway manages; remove it';
const FOR_PROXY = 'is between the gateway and a proxy, not for this server; remove it';

const REFUSED = new Map([
  ['host', BY_GATEWAY],
  ['content-length', BY_GATEWAY],
  ['content-type', BY_GATEWAY],
  ['content-encoding', BY_GATEWAY],
  ['accept', BY_GATEWAY],
  ['accept-encoding', BY_GATEWAY],
  ['last-event-id', BY_GATEWAY],
  ['connection', PER_CONNECTION],
  ['keep-alive', PER_CONNECTION],
  ['te', PER_CONNECTION],
  ['trailer', PER_CONNECTION],
  ['transfer-encoding', PER_CONNECTION],
  ['upgrade', PER_CONNECTION],
  ['proxy-connection', PER_CONNECTION],
  ['proxy-authenticate', FOR_PROXY],
  ['proxy-authorization', FOR_PROXY],
  ['expect', 'asks for a reply that the gateway does not wait for; remove it'],
]);

/** Why a header of this name cannot be configured, if it cannot. */
export function judgeHeaderName(name: string): string | undefined {
  if (name === '') return 'a header needs a name';
  if (!TOKEN.test(name)) return 'is not a header name; use letters, digits and "-"';
  const lower = name.toLowerCase();
  // They tell a server what the body of this very request says, so a fixed value would contradict most requests.
  if (lower.startsWith('mcp-')) return 'is set by the gateway for each request (MCP); remove it';
  return REFUSED.get(lower);
}

/** What is wrong with a header value and where in it, without quoting any of it. */
export function judgeHeaderValue(value: string): string | undefined {
  const bad = UNSENDABLE.exec(value);
  if (bad !== null) return `has ${describe(bad[0])} at character ${bad.index + 1}; remove it`;
  if (/^[ \t]/.test(value)) return 'begins with a space or tab; remove it';
  if (/[ \t]$/.test(value)) return `ends with a space or tab (character ${value.length}); remove it`;
  return undefined;
}

/** A word, one or more spaces, and a rest: the scheme and the credential of RFC 9110, 11.4. */
const WITH_SCHEME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ +(?=\S)/;

export function judgeAuthorization(value: string): string | undefined {
  if (value === '') return 'is empty; remove it or give it a token';
  if (/^(bearer|basic)$/i.test(value)) return 'is only a scheme; put the token behind it';
  if (!WITH_SCHEME.test(value) && value.includes(' ')) return 'is neither a token nor a scheme and a token';
  return undefined;
}

/** A credential as it goes out: one without a scheme is taken for a bearer token. */
export function withScheme(value: string): string {
  return WITH_SCHEME.test(value) ? value : `Bearer ${value}`;
}

/** The credential behind the scheme. */
export function withoutScheme(value: string): string {
  return value.replace(WITH_SCHEME, '');
}

function describe(character: string): string {
  if (character === '\n' || character === '\r') return 'a line break';
  return character < ' ' || character === '\x7f' ? 'a control character' : 'a character outside Latin-1';
}
