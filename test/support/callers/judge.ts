import type { WireTool } from '../downstreams/tools.ts';
import type { Conversation } from './conversation.ts';

export interface ListRules {
  /** What the model's API accepts as a name. */
  readonly namePattern?: RegExp;
  /** Longest name, after what the caller itself puts in front. */
  readonly maxNameLength?: number;
  /** More tools than this are cut off, or refused. */
  readonly maxTools?: number;
  /** The model's API refuses a root that is not a plain object schema. */
  readonly plainRoot?: boolean;
  /** Reads no second page. */
  readonly firstPageOnly?: boolean;
}

/** Names as both OpenAI's and Anthropic's APIs accept them. */
export const apiName = /^[a-zA-Z0-9_-]{1,64}$/;

/**
 * Reads a tools/list result as a caller with these rules does.
 *
 * @throws {CallerBreaks} where it would lose tools or the whole list
 */
// biome-ignore lint/suspicious/noExplicitAny: the result is judged here.
export function readTools(result: any, rules: ListRules, talk: Conversation): WireTool[] {
  talk.insist(Array.isArray(result.tools), 'tools/list has no tools array');
  const tools: WireTool[] = result.tools;
  if (rules.firstPageOnly) {
    talk.insist(
      result.nextCursor === undefined,
      `only ${tools.length} tools were seen, for the rest is on further pages`,
    );
  }
  const { maxTools = Number.POSITIVE_INFINITY } = rules;
  talk.insist(tools.length <= maxTools, `${tools.length} tools are more than the ${maxTools} it can take`);
  talk.insist(new Set(tools.map((tool) => tool.name)).size === tools.length, 'two tools have the same name');
  for (const tool of tools) judgeTool(tool, rules, talk);
  return tools;
}

function judgeTool(tool: WireTool, rules: ListRules, talk: Conversation): void {
  const { name, description, inputSchema, outputSchema, annotations } = tool;
  talk.insist(typeof name === 'string', `a tool has the name ${JSON.stringify(name)}`);
  if (rules.namePattern)
    talk.insist(rules.namePattern.test(name), `the tool name ${name} does not match ${rules.namePattern}`);
  const { maxNameLength = Number.POSITIVE_INFINITY } = rules;
  talk.insist(
    name.length <= maxNameLength,
    `the tool name ${name} has more than ${maxNameLength} characters`,
  );
  talk.insist(
    ['string', 'undefined'].includes(typeof description),
    `the description of ${name} is no string`,
  );
  talk.insist(
    isObject(inputSchema) && inputSchema.type === 'object',
    `the inputSchema of ${name} is no object schema`,
  );
  // Callers on SDK v1 drop the whole list for this one.
  const rootless = outputSchema !== undefined && outputSchema?.type !== 'object';
  talk.insist(!rootless, `the outputSchema of ${name} is no object schema`);
  talk.insist(annotations === undefined || isObject(annotations), `the annotations of ${name} are no object`);
  if (!rules.plainRoot) return;
  talk.insist(isObject(inputSchema.properties), `the inputSchema of ${name} has no properties`);
  for (const keyword of ['oneOf', 'anyOf', 'allOf', 'enum', 'not']) {
    talk.insist(!(keyword in inputSchema), `the inputSchema of ${name} has ${keyword} at its root`);
  }
}

/** The text of a result, for callers whose model reads one string. */
// biome-ignore lint/suspicious/noExplicitAny: the result is judged here.
export function readText(result: any, talk: Conversation): string {
  talk.insist(Array.isArray(result.content), 'the result has no content array');
  const texts = result.content.filter((block: { type: string }) => block.type === 'text');
  const text = texts.map((block: { text: string }) => block.text).join('\n');
  talk.insist(text !== '', 'the result has no text, and text is all that the model reads');
  return text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
