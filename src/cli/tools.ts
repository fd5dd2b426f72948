import type { Catalog } from '../catalog/merge.ts';
import { createGateway, type Gateway } from '../gateway.ts';
import { createRedactor } from '../log.ts';
import type { Env } from './environment.ts';
import { openConfig, openLog } from './open.ts';

const WIDTH = 80;

/** Prints what callers would see: one line a tool, or the list as JSON. */
export async function tools(options: { config?: string; json?: boolean }, env: Env): Promise<number> {
  const config = openConfig(options.config, env);
  const gateway = createGateway(config, { log: openLog(config, env, '', 'silent'), token: '' });
  const redact = createRedactor(config.secrets);
  try {
    await gateway.attempted;
    const listed = [...gateway.catalog.routes.values()].map((route) => route.tool);
    process.stdout.write(
      options.json === true ? `${JSON.stringify(listed, null, 2)}\n` : asLines(gateway.catalog),
    );
    const down = unreachable(gateway);
    for (const line of down) process.stderr.write(`${redact(line)}\n`);
    return down.length === 0 ? 0 : 1;
  } finally {
    await gateway.close();
  }
}

/** A sentence for each downstream whose tools are missing. */
export function unreachable(gateway: Gateway): string[] {
  return Object.entries(gateway.status().downstreams).flatMap(([key, { state, why }]) =>
    state === 'ready' ? [] : [`"${key}" is not connected (${why}); its tools are missing.`],
  );
}

function asLines(catalog: Catalog): string {
  const names = [...catalog.routes.keys()];
  const width = Math.max(0, ...names.map((name) => name.length));
  return [...catalog.routes.values()]
    .map(({ exposedName, tool }) => {
      const summary = printable(typeof tool.description === 'string' ? tool.description : '');
      const room = Math.max(WIDTH - width - 2, 20);
      const cut = summary.length > room ? `${summary.slice(0, room - 1)}…` : summary;
      return `${`${exposedName.padEnd(width)}  ${cut}`.trimEnd()}\n`;
    })
    .join('');
}

/** Its first line, without what would move the cursor: a downstream wrote it. */
function printable(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line.replace(/\p{C}/gu, '');
}
