import type { ArgumentOverride, NameFilter, ToolOverride, ToolShaping } from './config.ts';
import { INEXACT } from './document.ts';
import type { Place, Report } from './problems.ts';
import type { Reading } from './reading.ts';
import type { ToolsetShape, ToolsShape } from './schema-shaping.ts';
import type { Partly } from './shape.ts';

type OverrideShape = Partly<NonNullable<ToolsShape['overrides']>[string]>;
type ArgumentShape = NonNullable<NonNullable<OverrideShape['arguments']>[string]>;

/** `tools` of an entry. */
export function readToolShaping(
  shape: Partly<ToolsShape> | undefined,
  at: Place,
  reading: Reading,
): ToolShaping {
  const overridesAt = [...at, 'overrides'];
  const overrides = Object.entries(shape?.overrides ?? {}).flatMap(([name, override]) =>
    override === undefined ? [] : [[name, readOverride(override, [...overridesAt, name], reading)] as const],
  );
  reportEqualNames(overrides, overridesAt, reading.report);
  return { ...readFilter(shape ?? {}, 'tools', at, reading.report), overrides: new Map(overrides) };
}

/** `include` and `exclude`, of an entry or of a toolset. `what` names what they let through. */
export function readFilter(
  shape: Partly<Pick<ToolsetShape, 'include' | 'exclude'>>,
  what: string,
  at: Place,
  report: Report,
): NameFilter {
  const read = (field: 'include' | 'exclude') => {
    const globs = shape[field];
    globs?.forEach((glob, index) => {
      if (glob === '') report([...at, field, index], `is empty; name ${what}, or write "*" for all`);
    });
    return globs?.filter((glob) => glob !== undefined);
  };
  if (shape.include?.length === 0)
    report([...at, 'include'], `lets nothing through; name ${what}, or remove it`);
  return { include: read('include'), exclude: read('exclude') ?? [] };
}

function readOverride(shape: OverrideShape, at: Place, reading: Reading): ToolOverride {
  const { enabled, priority, callTimeoutMs, retry } = shape;
  const text = (field: 'rename' | 'title' | 'description') =>
    reading.expander.expand(shape[field], [...at, field]);
  const rename = text('rename');
  reportEmpty(rename, at, reading.report);
  const argumentsAt = [...at, 'arguments'];
  const overrides = Object.entries(shape.arguments ?? {}).flatMap(([name, argument]) =>
    argument === undefined ? [] : [[name, readArgument(argument, [...argumentsAt, name], reading)] as const],
  );
  reportEqualNames(overrides, argumentsAt, reading.report);
  const annotations = Object.entries(shape.annotations ?? {}).flatMap(([name, given]) => {
    const value = expandTexts(given, [...at, 'annotations', name], reading);
    return value === undefined ? [] : [[name, value as string | boolean] as const];
  });
  return {
    enabled: enabled ?? true,
    rename,
    title: text('title'),
    description: text('description'),
    annotations: annotations.length > 0 ? Object.fromEntries(annotations) : undefined,
    priority,
    callTimeoutMs,
    retries: retry ?? false,
    arguments: new Map(overrides),
  };
}

function readArgument(shape: ArgumentShape, at: Place, reading: Reading): ArgumentOverride {
  const text = (field: 'rename' | 'description') => reading.expander.expand(shape[field], [...at, field]);
  const rename = text('rename');
  reportEmpty(rename, at, reading.report);
  const given = (field: 'set' | 'default') =>
    Object.hasOwn(shape, field) ? { [field]: expandTexts(shape[field], [...at, field], reading) } : {};
  if (Object.hasOwn(shape, 'set')) {
    for (const field of ['default', 'rename', 'description'] as const) {
      if (!Object.hasOwn(shape, field)) continue;
      reading.report([...at, field], 'has no effect beside set, which hides the argument; remove it');
    }
  }
  return {
    ...given('set'),
    ...given('default'),
    rename,
    description: text('description'),
  };
}

/** A value of any kind with the variables in its texts filled in. */
function expandTexts(value: unknown, at: Place, reading: Reading): unknown {
  if (typeof value === 'string') return reading.expander.expand(value, at);
  if (Number.isNaN(value)) {
    reading.report(at, `is ${INEXACT}`);
  }
  if (Array.isArray(value)) return value.map((item, index) => expandTexts(item, [...at, index], reading));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, expandTexts(inner, [...at, key], reading)]),
  );
}

function reportEmpty(rename: string | undefined, at: Place, report: Report): void {
  if (rename === '') report([...at, 'rename'], 'is empty; write a name, or remove it');
}

function reportEqualNames(
  overrides: readonly (readonly [string, { readonly rename?: string | undefined }])[],
  at: Place,
  report: Report,
): void {
  const owners = new Map<string, string>();
  for (const [name, { rename }] of overrides) {
    if (rename === undefined) continue;
    const owner = owners.get(rename);
    if (owner === undefined) owners.set(rename, name);
    else report([...at, name, 'rename'], 'gives a name that another one here has already; choose another');
  }
}
