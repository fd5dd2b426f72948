import type { ArgumentOverride, ToolOverride } from '../config/config.ts';

/** What an operator made of a tool, each to stand after its name. No value of an argument is told: it may be a secret. */
export function describeOverride(
  { rename, title, description, annotations }: ToolOverride,
  /** Those that have an effect. */
  args: ReadonlyMap<string, ArgumentOverride>,
): string[] {
  return [
    ...(rename === undefined ? [] : [`it is called ${rename} by tools.overrides`]),
    ...(title === undefined ? [] : ['its title is that of tools.overrides']),
    ...(description === undefined ? [] : ['its description is that of tools.overrides']),
    ...Object.entries(annotations ?? {}).map(
      ([name, value]) => `its ${name} is ${JSON.stringify(value)} by tools.overrides`,
    ),
    ...[...args].flatMap(([name, override]) => describeArgument(`its argument ${name}`, override)),
  ];
}

function describeArgument(subject: string, override: ArgumentOverride): string[] {
  const { rename, description } = override;
  return [
    ...(Object.hasOwn(override, 'set') ? [`${subject} is set, and not shown`] : []),
    ...(Object.hasOwn(override, 'default') ? [`${subject} has a default of tools.overrides`] : []),
    ...(rename === undefined ? [] : [`${subject} is called ${rename}`]),
    ...(description === undefined ? [] : [`${subject} has the description of tools.overrides`]),
  ];
}
