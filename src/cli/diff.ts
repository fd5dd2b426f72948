import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { explain } from '../config/read-text.ts';
import { isObject } from '../protocol/messages.ts';
import { UsageError } from './usage-error.ts';

type Tool = Record<string, unknown>;

/** @throws UsageError where the file is not what `tools --json` writes */
export function readToolsFile(path: string): Tool[] {
  let content: unknown;
  try {
    const bytes = readFileSync(path);
    // What `>` of Windows PowerShell writes; with others there may be a mark of UTF-8.
    const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
    content = JSON.parse(new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8').decode(bytes));
  } catch (error) {
    const { code } = error as { code?: string };
    const why = code === undefined ? 'is not JSON' : explain(code);
    throw new UsageError(`${path} ${why}.\n${REMEDY}`);
  }
  if (Array.isArray(content) && content.every((tool) => isObject(tool) && typeof tool.name === 'string')) {
    return content;
  }
  throw new UsageError(`${path} is not a list of tools.\n${REMEDY}`);
}

const REMEDY = 'Make it with: npx mcp-switchboard tools --json > before.json';

/** One line for each tool that came, went or changed, by name; what changed in it stands behind it. */
export function diffTools(before: readonly Tool[], after: readonly Tool[]): string[] {
  const earlier = byName(before);
  const later = byName(after);
  const names = [...new Set([...earlier.keys(), ...later.keys()])].sort();
  return names.flatMap((name) => {
    const [was, is] = [earlier.get(name), later.get(name)];
    if (was === undefined) return [`+ ${name}`];
    if (is === undefined) return [`- ${name}`];
    const fields = [...new Set([...Object.keys(was), ...Object.keys(is)])];
    const changed = fields.filter((field) => !isDeepStrictEqual(was[field], is[field]));
    return changed.length === 0 ? [] : [`~ ${name}: ${changed.join(', ')}`];
  });
}

const byName = (tools: readonly Tool[]) => new Map(tools.map((tool) => [String(tool.name), tool]));
