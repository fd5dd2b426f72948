// What callers are documented or known to refuse, written down from their side.

export interface Listed {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema: Record<string, unknown>;
  readonly outputSchema?: Record<string, unknown>;
}

type Rule = readonly [what: string, breaks: (tool: Listed) => boolean];

const ROOT_ONLY = ['oneOf', 'anyOf', 'allOf', 'enum', 'not'];
const rootHas = (keywords: readonly string[]) => (tool: Listed) =>
  keywords.some((keyword) => Object.hasOwn(tool.inputSchema, keyword));
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** OpenAI and Anthropic: `^[a-zA-Z0-9_-]{1,64}$`, or the whole list is refused. */
const NAME: Rule = ['its name', ({ name }) => !/^[a-zA-Z0-9_-]{1,64}$/.test(name)];
/** OpenAI: "object schema missing properties"; Anthropic wants the type. */
const OBJECT: Rule = [
  'its root is no object with properties',
  ({ inputSchema }) => inputSchema.type !== 'object' || !isObject(inputSchema.properties),
];
/** OpenAI's error: 'schema must have type "object" and not have "oneOf"/"anyOf"/"allOf"/"enum"/"not" at the top level'. */
const PLAIN_ROOT: Rule = ['its root has alternatives', rootHas(ROOT_ONLY)];
/** SDK clients throw the list away for an output schema of another type. */
const OUTPUT: Rule = [
  'its outputSchema is no object',
  ({ outputSchema }) => outputSchema !== undefined && outputSchema.type !== 'object',
];
const longerThan = (maxChars: number): Rule => [
  `its description is longer than ${maxChars}`,
  ({ description = '' }) => description.length > maxChars,
];
const keyword = (name: string): Rule => [`it has ${name}`, ({ inputSchema }) => uses(inputSchema, name)];

/** By profile. */
export const CALLER_RULES: Readonly<Record<string, readonly Rule[]>> = {
  generic: [NAME],
  realtime: [NAME, OBJECT, PLAIN_ROOT, longerThan(1024)],
  openai: [NAME, OBJECT, PLAIN_ROOT],
  // Claude Code cuts descriptions at 2 KB, and the rest is lost.
  claude: [NAME, OBJECT, PLAIN_ROOT, OUTPUT, longerThan(2048)],
  // Cursor leaves out tools whose server name and tool name have more than 60 characters together.
  cursor: [NAME, OBJECT, OUTPUT, ['label and name', ({ name }) => `switchboard-${name}`.length > 60]],
  vscode: [NAME, OBJECT, OUTPUT],
  // Gemini CLI shortens `mcp_<server>_<tool>` to 63 characters, and the last of two that become equal wins.
  gemini: [
    ...[NAME, OBJECT, OUTPUT, keyword('$schema'), keyword('$ref')],
    ['server and name', ({ name }) => `mcp_switchboard_${name}`.length > 63],
  ],
  // LiveKit and Pipecat take properties and required of the root, and nothing that these refer to.
  livekit: [NAME, OBJECT, PLAIN_ROOT, keyword('$ref')],
};

/** Why that caller would refuse the tool, or lose a part of it. */
export function refusals(profile: string, tool: Listed): string[] {
  return (CALLER_RULES[profile] ?? []).flatMap(([what, breaks]) =>
    breaks(tool) ? [`${tool.name}: ${what}`] : [],
  );
}

/** As a keyword: not as the name of a property, and not in data. */
function uses(schema: unknown, name: string): boolean {
  if (Array.isArray(schema)) return schema.some((item) => uses(item, name));
  if (!isObject(schema)) return false;
  return Object.entries(schema as object).some(([key, value]) => {
    if (key === name) return true;
    if (['enum', 'const', 'default', 'examples'].includes(key)) return false;
    const isNamed = ['properties', 'patternProperties', '$defs', 'definitions'].includes(key);
    return isNamed && isObject(value)
      ? Object.values(value as object).some((inner) => uses(inner, name))
      : uses(value, name);
  });
}
