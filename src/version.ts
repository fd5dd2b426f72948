import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** How this program names itself on both faces: `serverInfo` to callers, `clientInfo` to downstreams. */
export const IMPLEMENTATION = { name: 'mcp-switchboard', version: manifest.version } as const;
