import * as z from 'zod';
import { fileSchema } from './schema.ts';

/** Of biome.json: the file is checked like every other. */
const LINE_WIDTH = 110;

/** The content of `servers.schema.json`. Draft 7 is what editors understand best. */
export function schemaText(): string {
  return `${format(z.toJSONSchema(fileSchema, { target: 'draft-7', io: 'input' }), '', 0)}\n`;
}

/**
 * JSON as the formatter writes it: objects over several lines, arrays of plain values on one where they fit.
 *
 * @param before  how many characters stand before the value on its line
 */
function format(value: unknown, indent: string, before: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const line = `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
    if (isFlat(value) && before + line.length + 1 <= LINE_WIDTH) return line;
    return wrap(
      '[',
      value.map((item) => format(item, inner, inner.length)),
      ']',
      indent,
    );
  }
  const properties = Object.entries(value).map(([key, item]) => {
    const name = `${JSON.stringify(key)}: `;
    return name + format(item, inner, inner.length + name.length);
  });
  return wrap('{', properties, '}', indent);
}

function isFlat(value: unknown): boolean {
  return Array.isArray(value) ? value.every(isFlat) : typeof value !== 'object';
}

function wrap(open: string, lines: readonly string[], close: string, indent: string): string {
  if (lines.length === 0) return open + close;
  return `${open}\n${lines.map((line) => `${indent}  ${line}`).join(',\n')}\n${indent}${close}`;
}
