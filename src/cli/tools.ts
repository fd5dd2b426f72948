import type { Catalog } from '../catalog/merge.ts';
import type { Gateway } from '../gateway.ts';
import type { Env } from './environment.ts';
import { withGateway } from './open.ts';
import { printable } from './printable.ts';

const WIDTH = 80;
/** A few long names must not push every description off the line. */
const MAX_NAME_COLUMN = 40;

/** Prints what callers would see: one line a tool, or the list as JSON. */
export function tools(options: { config?: string; json?: boolean }, env: Env): Promise<number> {
  return withGateway(options.config, env, (gateway) => {
    const listed = [...gateway.catalog.routes.values()].map((route) => route.tool);
    const text = options.json === true ? `${JSON.stringify(listed, null, 2)}\n` : asLines(gateway.catalog);
    process.stdout.write(text);
    const down = unreachable(gateway);
    for (const line of down) process.stderr.write(`${line}\n`);
    return down.length === 0 ? 0 : 1;
  });
}

/** A sentence for each downstream whose tools are missing. */
export function unreachable(gateway: Gateway): string[] {
  return Object.entries(gateway.status().downstreams).flatMap(([key, { state, why }]) =>
    state === 'ready' ? [] : [`"${key}" is not connected (${why}); its tools are missing.`],
  );
}

function asLines(catalog: Catalog): string {
  const names = [...catalog.routes.keys()];
  const column = Math.min(MAX_NAME_COLUMN, Math.max(0, ...names.map((name) => name.length)));
  return [...catalog.routes.values()]
    .map(({ exposedName, tool }) => {
      const name = exposedName.padEnd(column);
      return `${`${name}  ${summarize(tool.description, WIDTH - name.length - 2)}`.trimEnd()}\n`;
    })
    .join('');
}

/** The first line of a description, cut where it is longer than the room for it. */
function summarize(description: unknown, room: number): string {
  if (typeof description !== 'string') return '';
  const line = [...printable(description.trim().split('\n', 1)[0] ?? '')];
  return line.length > room ? `${line.slice(0, room - 1).join('')}…` : line.join('');
}
