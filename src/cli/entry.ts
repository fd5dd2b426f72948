import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostnameOf, inUrl, isLoopback } from '../caller/http/hosts.ts';
import type { Env } from '../config/expand.ts';
import { DEFAULT_CONFIG, DEFAULT_PORT, HIGHEST_PORT, readNumber } from './environment.ts';
import { UsageError } from './usage-error.ts';

export interface EntryOptions {
  url?: string;
  config?: string;
}

interface Facts {
  url: string;
  token: string;
  configPath: string;
}

interface Entry {
  /** What to paste: JSON, or a command line. */
  paste: unknown;
  /** Where it goes and what to look out for. */
  advice: readonly string[];
}

const LABEL = 'switchboard';
const TOKEN_PLACEHOLDER = '<SWITCHBOARD_TOKEN>';

/** The configurations that are printed ready to paste, by the client's name. */
const ENTRIES: ReadonlyMap<string, (facts: Facts) => Entry> = new Map([
  ['realtime', realtime],
  ['claude-desktop', claudeDesktop],
  ['claude-code', claudeCode],
  ['cursor', cursor],
  ['vscode', vscode],
]);

export const ENTRY_NAMES = [...ENTRIES.keys()];

/** Prints what to paste to stdout, and what to know about it to stderr. */
export function entry(name: string, options: EntryOptions, env: Env): number {
  const write = ENTRIES.get(name);
  if (write === undefined)
    throw new UsageError(`There is no entry for "${name}".\nThere is: ${ENTRY_NAMES.join(', ')}.`);
  const token = env.SWITCHBOARD_TOKEN?.trim() || TOKEN_PLACEHOLDER;
  const configPath = resolve(options.config || env.SWITCHBOARD_CONFIG || DEFAULT_CONFIG);
  const { paste, advice } = write({
    // Not asked for by who starts the gateway itself.
    get url() {
      return wholeUrl(options.url || urlHere(env));
    },
    token,
    configPath,
  });
  process.stdout.write(typeof paste === 'string' ? `${paste}\n` : `${JSON.stringify(paste, null, 2)}\n`);
  const notes = [...advice];
  if (token === TOKEN_PLACEHOLDER && name !== 'claude-desktop') {
    notes.push('SWITCHBOARD_TOKEN is not set here: put the token in where it says so.');
  }
  for (const note of notes) process.stderr.write(`${note}\n`);
  return 0;
}

function wholeUrl(url: string): string {
  // "localhost:8080/mcp" is a URL too, of the scheme "localhost".
  if (!/^https?:/i.test(url) || !URL.canParse(url))
    throw new UsageError(`"${url}" is not a URL. Give the whole of it: https://…/mcp`);
  // People name their host. Who serves MCP at the root of it says so with a slash.
  return /^[^/]+\/\/[^/?#]+$/.test(url) ? `${url}/mcp` : url;
}

function urlHere(env: Env): string {
  // Which port is free is known where it listens.
  const port = readNumber({ PORT: env.PORT }, 1, HIGHEST_PORT) ?? DEFAULT_PORT;
  return `http://${hostToCall(env.HOST)}:${port}/mcp`;
}

/** What listens everywhere does so on this machine, too. */
function hostToCall(host: string | undefined): string {
  if (!host || host === '0.0.0.0' || host === '::') return '127.0.0.1';
  const url = inUrl(host);
  if (/[\s/?#@\\]/.test(host) || !URL.canParse(`http://${url}`))
    throw new UsageError(
      `HOST is "${host}"; it must be a host name or an address.\nOr give the whole URL with --url.`,
    );
  return url;
}

/**
 * One entry of a Realtime session's `tools`. The token goes into `authorization` and nowhere else: together with
 * `headers.Authorization` the session is rejected.
 */
export function realtimeTool({ url, token }: { url: string; token: string }) {
  return {
    type: 'mcp',
    server_label: LABEL,
    server_url: url,
    authorization: token,
    require_approval: 'never',
  } as const;
}

function realtime(facts: Facts): Entry {
  return {
    paste: realtimeTool(facts),
    advice: [
      'An entry of session.tools, in a session.update or in the body of',
      'POST /v1/realtime/client_secrets.',
      'require_approval is "never": left out it is "always", and a voice call that',
      'nobody approves waits for ever. To be asked before tools that change things,',
      'write {"never":{"read_only":true}} and answer each mcp_approval_request.',
      ...outsideAdvice(facts.url, 'OpenAI'),
    ],
  };
}

function claudeDesktop({ configPath }: Facts): Entry {
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  return {
    paste: {
      mcpServers: {
        [LABEL]: {
          command: process.execPath,
          args: [main, 'serve', '--stdio', '--for', 'claude', '--config', configPath],
        },
      },
    },
    advice: [
      'For claude_desktop_config.json (Settings, Developer, Edit Config).',
      'Variables of servers.json are read from a .env file beside it; others go into',
      'an "env" object of this entry: Claude Desktop passes none of its own.',
      'It starts the gateway in a folder of its own: servers with a relative path in',
      '"args" need "cwd": "." in servers.json, which is the folder of that file.',
    ],
  };
}

function claudeCode({ url, token }: Facts): Entry {
  return {
    paste: `claude mcp add --transport http ${LABEL} ${forShell(url)} --header ${forShell(`Authorization: Bearer ${token}`)}`,
    advice: ['Run it in the project that shall have the tools (--scope user for all).'],
  };
}

/** In double quotes where any shell leaves them alone, else in the single ones of a POSIX shell. */
export function forShell(text: string): string {
  if (/^[\w./:=-]+$/.test(text)) return text;
  return /["$`\\!%]/.test(text) ? `'${text.replaceAll("'", "'\\''")}'` : `"${text}"`;
}

function cursor({ url, token }: Facts): Entry {
  return {
    paste: { mcpServers: { [LABEL]: { url, headers: { Authorization: `Bearer ${token}` } } } },
    advice: ['For .cursor/mcp.json in the project, or ~/.cursor/mcp.json for all.'],
  };
}

/** Other than those that are known by their User-Agent it names its profile; a toolset's own is left to it. */
function vscode({ url: given, token }: Facts): Entry {
  const url = given.endsWith('/mcp') ? `${given}?profile=vscode` : given;
  return {
    paste: { servers: { [LABEL]: { type: 'http', url, headers: { Authorization: `Bearer ${token}` } } } },
    advice: ['For .vscode/mcp.json in the workspace.'],
  };
}

function outsideAdvice(url: string, who: string): string[] {
  if (!isLoopback(hostnameOf(url)) && new URL(url).protocol === 'https:') return [];
  return [
    `${who} calls from outside and cannot reach`,
    `${url}: give it a public https address (a tunnel, say),`,
    'name that with --url, and put its host name into allowedHosts in servers.json.',
  ];
}
