import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** How this program names itself on both faces: `serverInfo` to callers, `clientInfo` to downstreams. */
export const IMPLEMENTATION = { name: 'mcp-switchboard', version: manifest.version } as const;

/** The `User-Agent` of our requests, where an entry does not name another: some firewalls refuse requests without one. */
export const USER_AGENT = `${IMPLEMENTATION.name}/${IMPLEMENTATION.version}`;
