import type { Place, Report } from './problems.ts';
import type { Server } from './reading.ts';

export const URL_FIELDS = ['url', 'serverUrl', 'httpUrl'] as const;
const ONLY_WITH_URL = ['headers', 'authorization', 'custom_headers'] as const;
const ONLY_WITH_COMMAND = ['args', 'env', 'cwd'] as const;

/**
 * Whether an entry is a server over HTTP or a command to start, and what contradicts that. An entry that claims to be
 * both is read as both, so that what else is wrong with it comes out too.
 */
export function checkKind(server: Server, at: Place, report: Report): 'http' | 'stdio' | 'both' {
  const [urlField, ...others] = URL_FIELDS.filter((field) => Object.hasOwn(server, field));
  const hasCommand = Object.hasOwn(server, 'command');
  if (others.length > 0) report(at, `has ${[urlField, ...others].join(' and ')}; keep one of them`);
  if (urlField !== undefined && hasCommand) {
    report(at, `has ${urlField} and command; keep one of them`);
    return 'both';
  }
  if (urlField !== undefined) {
    if (server.type === 'stdio') report([...at, 'type'], `is stdio, but there is a ${urlField}; remove type`);
    refuse(ONLY_WITH_COMMAND, 'goes with command, not with a url; remove it');
    return 'http';
  }
  if (hasCommand) {
    if (server.type !== undefined && server.type !== 'stdio') {
      report([...at, 'type'], `is ${server.type}, but there is a command; remove type`);
    }
    refuse(ONLY_WITH_URL, 'goes with a url, not with command; use env');
    return 'stdio';
  }
  const kind = server.type === 'stdio' ? 'stdio' : 'http';
  const missing = server.type === undefined ? 'url or command' : kind === 'http' ? 'url' : 'command';
  report(at, `needs ${missing}`);
  return kind;

  function refuse(fields: readonly (keyof Server)[], message: string): void {
    for (const field of fields) if (Object.hasOwn(server, field)) report([...at, field], message);
  }
}
