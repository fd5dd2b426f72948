import * as z from 'zod';
import { must, optionalText, optionalTexts, time, whole, yesOrNo } from './schema-fields.ts';

/*
 * The shape of what an operator makes of other people's tools: `tools` of an entry, `toolsets` and `profiles`.
 */

export const priority = (fallback: string) =>
  whole({ from: -1000, to: 1000 }).meta({
    description: `Those of a higher one come first in the list of tools. Default: ${fallback}.`,
  });

const include = (what: string) =>
  optionalTexts(`Only ${what} that match one of these; * and ? are wildcards. Default: all.`);

const exclude = (what: string) =>
  optionalTexts(`Not ${what} that match one of these; * and ? are wildcards. Default: none.`);

const annotations = z
  .strictObject(
    {
      title: optionalText("A title for people. Default: the server's."),
      readOnlyHint: yesOrNo("The tool changes nothing. Default: the server's."),
      destructiveHint: yesOrNo("The tool may destroy. Default: the server's."),
      idempotentHint: yesOrNo("Twice is as once. Default: the server's."),
      openWorldHint: yesOrNo("It reaches the outside. Default: the server's."),
    },
    must('an object'),
  )
  .optional()
  .meta({ description: 'Annotations that are replaced, one by one. Default: none.' });

const argument = z.strictObject(
  {
    set: z.unknown().optional().meta({
      description:
        'Sent with every call, and not shown to callers; any JSON, ${NAME} in its texts. Default: not set.',
    }),
    default: z.unknown().optional().meta({
      description:
        'Sent where the caller gives none; any JSON, ${NAME} in its texts. Default: nothing is sent.',
    }),
    rename: optionalText("Its name for callers. Default: the server's."),
    description: optionalText("What callers are told about it. Default: the server's."),
  },
  must('an object with set, default, rename or description'),
);

const override = z.strictObject(
  {
    enabled: yesOrNo('false leaves the tool out. Default: true.'),
    rename: optionalText("Its name for callers, behind the prefix. Default: the server's."),
    title: optionalText("Its title. Default: the server's."),
    description: optionalText("Its description. Default: the server's."),
    annotations,
    priority: priority('that of the entry'),
    callTimeoutMs: time(
      'A call of it without an answer is given up after this. In milliseconds; default: that of the entry.',
    ),
    retry: yesOrNo('true sends a failed call of it again: twice is as once. Default: false.', false),
    arguments: z.record(z.string(), argument, must('an object of arguments by name')).optional().meta({
      description: 'What becomes of its arguments, by their names. Default: they pass as they are.',
    }),
  },
  must('an object'),
);

export const tools = z
  .strictObject(
    {
      include: include('tools'),
      exclude: exclude('tools'),
      overrides: z.record(z.string(), override, must('an object of tools by name')).optional().meta({
        description: 'What is replaced, by the names the server gives its tools. Default: nothing.',
      }),
    },
    must('an object with include, exclude or overrides'),
  )
  .optional()
  .meta({
    description: 'Which tools of this server callers see, and how. Default: all, as they are.',
    examples: [{ include: ['find_*'], overrides: { find_all: { enabled: false } } }],
  });

const filter = (what: string, by: string, example: string) =>
  z
    .strictObject(
      { include: include(what), exclude: exclude(what) },
      must('an object with include or exclude'),
    )
    .optional()
    .meta({
      description: `Which ${what} of this server callers see, by ${by}. Default: all.`,
      examples: [{ include: [example] }],
    });

export const prompts = filter('prompts', 'name', 'summarize_*');
export const resources = filter('resources', 'URI', 'docs://*');

const toolset = z.strictObject(
  {
    include: include('tools and prompts'),
    exclude: exclude('tools and prompts'),
    profile: optionalText('The profile of its callers. Default: chosen as at /mcp.'),
    description: optionalText('What callers are told about it. Default: a list of its servers.'),
  },
  must('an object with include, exclude, profile or description'),
);

export const toolsets = z
  .record(z.string(), toolset, must('an object of toolsets by name'))
  .optional()
  .meta({
    description:
      'Parts of the list, by exposed names as generic has them, each at a URL of its own: /mcp/<name>. Default: none.',
    examples: [{ reception: { include: ['crm__find_*'], profile: 'realtime' } }],
  });

const limit = (what: string, from = 16) =>
  whole({ from, to: 10_000_000 })
    .unwrap()
    .nullable()
    .optional()
    .meta({ description: `${what}; null for no limit. Default: that of the profile in from.` });

const inherited = 'Default: that of the profile in from.';

const profile = z.strictObject(
  {
    from: optionalText(
      'The profile it is made from, built-in or of this file. Default: the built-in one of its name, else generic.',
    ),
    framing: z
      .enum(['auto', 'sse', 'json'], must('one of auto, sse, json', 'a string'))
      .optional()
      .meta({ description: `How answers are framed, where Accept leaves the choice. ${inherited}` }),
    maxNameChars: whole({ from: 20, to: 64, unit: 'characters' }).meta({
      description: `The longest name of a tool. ${inherited}`,
    }),
    plainSchemaRoot: yesOrNo(`Makes the root of each inputSchema a plain object. ${inherited}`),
    inlineRefs: yesOrNo(`Replaces each $ref with what it stands for. ${inherited}`),
    dropKeywords: optionalTexts(`Keywords taken out of each inputSchema. ${inherited}`),
    maxDescriptionChars: limit('The longest description of a tool'),
    maxInstructionsChars: limit('The longest instructions'),
    results: z
      .enum(['unchanged', 'text'], must('one of unchanged, text', 'a string'))
      .optional()
      .meta({ description: `text makes text of every result. ${inherited}` }),
    maxResultChars: limit('The most text of one result', 128),
    outputSchema: yesOrNo(
      `Whether tools carry their outputSchema; not where results are text or cut. ${inherited}`,
    ),
    icons: yesOrNo(`Whether tools carry their icons. ${inherited}`),
    toolMeta: optionalTexts(`The keys of _meta that tools keep; * and ? are wildcards. ${inherited}`),
    recommendedTools: limit('More tools than this are told to be many', 1),
    maxTools: limit('More tools than this fail check --for', 1),
    callTimeoutMs: time(
      `A call is given up after this, unless the server's entry has a callTimeoutMs. ${inherited}`,
    ),
  },
  must('an object'),
);

export const profiles = z
  .record(z.string(), profile, must('an object of profiles by name'))
  .optional()
  .meta({
    description: 'What kinds of callers need, beside the built-in profiles. Default: none.',
    examples: [{ phone: { from: 'realtime', maxResultChars: 1500 } }],
  });

export type ToolsShape = NonNullable<z.input<typeof tools>>;
export type ToolsetShape = z.input<typeof toolset>;
export type ProfileShape = z.input<typeof profile>;
