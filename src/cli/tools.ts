import type { Catalog } from '../catalog/merge.ts';
import type { CatalogNote, ToolRoute } from '../catalog/offered-tool.ts';
import type { View } from '../catalog/view.ts';
import type { Env } from '../config/expand.ts';
import { CUT } from '../cut.ts';
import type { Gateway } from '../gateway.ts';
import { redactedJson } from '../log.ts';
import { escapeHiddenJson } from '../visible.ts';
import { diffTools, readToolsFile } from './diff.ts';
import { withGateway } from './open.ts';
import { printable } from './printable.ts';
import { tokensOf, totalsOf } from './totals.ts';
import { type ViewOptions, viewOf } from './view.ts';
import { WIDTH, wrap } from './wrap.ts';

/** A few long names must not push every description off the line. */
const MAX_NAME_COLUMN = 40;

export interface ToolsOptions extends ViewOptions {
  config?: string;
  json?: boolean;
  /** A file that `tools --json` wrote earlier. */
  diff?: string;
}

/** Prints what callers would see: one line a tool, the list as JSON, or what it costs one kind of caller and why. */
export function tools(options: ToolsOptions, env: Env): Promise<number> {
  const before = options.diff === undefined ? undefined : readToolsFile(options.diff);
  return withGateway(options, env, (gateway, config, { redact }) => {
    const print = (text: string) => void process.stdout.write(redact(text));
    const view = viewOf(gateway, config, options);
    const json = () =>
      redactedJson(
        [...view.routes.values()].map(({ tool }) => tool),
        redact,
        2,
      );
    const down = unreachable(gateway);
    for (const line of down) process.stderr.write(`${redact(printable(line))}\n`);
    if (before !== undefined) {
      const differences = diffTools(before, JSON.parse(json()));
      print(differences.map((line) => `${printable(line)}\n`).join(''));
      return differences.length === 0 && down.length === 0 ? 0 : 1;
    }
    if (options.json === true) process.stdout.write(`${escapeHiddenJson(json())}\n`);
    else if (options.for === undefined) print(asLines(view));
    else {
      // In this order: what is cut in two is no longer found.
      const lines = asReport(view, gateway.catalog).flatMap((line) => wrap(redact(printable(line))));
      process.stdout.write(`${lines.join('\n')}\n`);
    }
    return down.length === 0 ? 0 : 1;
  });
}

/** A sentence for each downstream whose tools are missing. */
export function unreachable(gateway: Gateway): string[] {
  return Object.entries(gateway.status().downstreams).flatMap(([key, { state, why }]) =>
    state === 'ready' ? [] : [`"${key}" is not connected (${why}); its tools are missing.`],
  );
}

function asLines({ routes }: View): string {
  const names = [...routes.keys()];
  const column = Math.min(MAX_NAME_COLUMN, Math.max(0, ...names.map((name) => name.length)));
  return [...routes.values()]
    .map(({ exposedName, tool }) => {
      const name = exposedName.padEnd(column);
      return `${`${name}  ${summarize(tool.description, WIDTH - name.length - 2)}`.trimEnd()}\n`;
    })
    .join('');
}

function asReport(view: View, { setAside }: Catalog): string[] {
  const isShown = ({ downstream }: CatalogNote) =>
    downstream === undefined || view.downstreams.has(downstream);
  const lines = [...view.routes.values()].flatMap((route) => [...describe(route), ...reasons(route)]);
  for (const { downstream, tool, note } of [...setAside.filter(isShown), ...view.leftOut]) {
    lines.push(`${downstream}: ${tool}`, `  ${note}`);
  }
  return [...lines, '', ...totalsOf(view).lines];
}

function describe({ exposedName, tool }: ToolRoute): string[] {
  const json = JSON.stringify(tool);
  const facts = `${exposedName.length} chars, ${Buffer.byteLength(json)} bytes, ~${tokensOf(json)} tokens`;
  const name = exposedName.padEnd(MAX_NAME_COLUMN);
  return name.length + facts.length + 2 <= WIDTH ? [`${name}  ${facts}`] : [exposedName, `  ${facts}`];
}

function reasons({ originalName, whyRenamed, tool, changes }: ToolRoute): string[] {
  const hint = (tool.annotations as { readOnlyHint?: unknown } | undefined)?.readOnlyHint;
  return [
    ...(whyRenamed === undefined ? [] : [`renamed from ${originalName}: ${whyRenamed}`]),
    ...changes,
    ...(hint === undefined ? ['no readOnlyHint'] : []),
  ].map((reason) => `  ${reason}`);
}

/** The first line of a description, cut where it is longer than the room for it. */
function summarize(description: unknown, room: number): string {
  if (typeof description !== 'string') return '';
  const line = [...printable(description.trim().split('\n', 1)[0] ?? '')];
  return line.length > room ? `${line.slice(0, room - 1).join('')}${CUT}` : line.join('');
}
