import * as z from 'zod';
import {
  must,
  optionalText,
  optionalTexts,
  TIMES,
  text,
  time,
  wholeNumber,
  yesOrNo,
} from './schema-fields.ts';
import { limits, ofOneServer } from './schema-limits.ts';
import { priority, profiles, prompts, resources, tools, toolsets } from './schema-shaping.ts';

/** What counts where the file is silent. */
export const DEFAULTS = {
  listTimeoutMs: 10_000,
  maxCallMs: 230_000,
  repeatGraceMs: 10_000,
  drainMs: 25_000,
} as const;

const TYPES = ['http', 'streamable-http', 'streamableHttp', 'sse', 'stdio'] as const;

const CHANGE_POLICIES = ['warn', 'block', 'off'] as const;

/*
 * The shape of `servers.json`: what is checked before anything else, and what `servers.schema.json` is made from.
 * Rules between fields, and all that can only be known once variables are filled in, follow in server.ts.
 */

const definitionChanges = (fallback: string) =>
  z
    .enum(CHANGE_POLICIES, must(`one of ${CHANGE_POLICIES.join(', ')}`, 'a string'))
    .optional()
    .meta({
      description: `When a tool says other things than it did: warn tells in the log, block serves what was accepted until it is approved. Default: ${fallback}.`,
    });

const header = z.strictObject(
  {
    name: text().meta({ description: 'Header name, as in "X-API-KEY".' }),
    value: text().meta({ description: 'Header value; ${NAME} and ${file:PATH} are filled in.' }),
  },
  must('an object with name and value'),
);

const headers = (description: string) =>
  z
    .union(
      [z.record(z.string(), text(), must('an object')), z.array(header, must('an array'))],
      must('an object of header names and values, or an array of {name, value}'),
    )
    .optional()
    .meta({
      description,
      examples: [{ 'X-API-KEY': '${CRM_API_KEY}' }, [{ name: 'X-API-KEY', value: '${CRM_API_KEY}' }]],
    });

const server = z
  .strictObject(
    {
      type: z
        .enum(TYPES, must(`one of ${TYPES.join(', ')}`, 'a string'))
        .optional()
        .meta({
          description: 'Transport. Default: "http" for an entry with url, "stdio" for one with command.',
        }),
      url: optionalText(
        'Address of the MCP server, http or https. No default: an entry has url or command.',
        ['https://crm.example.com/mcp'],
      ),
      serverUrl: optionalText('Another spelling of url, with no default either.'),
      httpUrl: optionalText('Another spelling of url, with no default either.'),
      headers: headers('Sent with every request to this server, and to no other. Default: none.'),
      authorization: optionalText(
        'Authorization header; "Bearer " is put in front unless it begins with a scheme. Default: none.',
        ['${CRM_TOKEN}', 'Basic ${CRM_BASIC}'],
      ),
      custom_headers: headers('More headers, beside authorization; the same as headers. Default: none.'),
      command: optionalText(
        'Program to start as an MCP server on stdio. No default: an entry has url or command.',
        ['npx'],
      ),
      args: optionalTexts('Arguments of command. Default: none.', { default: [] }),
      env: z
        .record(z.string(), text(), must('an object of names and values'))
        .optional()
        .meta({
          description:
            'Environment variables for command, beside the few that every child gets. Default: none.',
          examples: [{ API_KEY: '${FILES_API_KEY}' }],
        }),
      cwd: optionalText('Working directory of command, relative to this file. Default: that of the gateway.'),
      prefix: optionalText(
        'Put in front of every name of a tool or prompt: letters, digits, _ and -, at most 32. Default: the key and "__"; "" for none.',
        ['crm_', ''],
      ),
      description: optionalText(
        'What this server is for, told to callers in the instructions. Default: none.',
      ),
      passInstructions: yesOrNo(
        "true passes the server's own instructions to callers, under its name. Default: false.",
        false,
      ),
      definitionChanges: definitionChanges('that of the file'),
      passMeta: optionalTexts(
        "Keys of callers' _meta that this server is given as well; * and ? are wildcards. Default: none.",
        { default: [], examples: [['openai/*']] },
      ),
      tools,
      prompts,
      resources,
      priority: priority('zero'),
      connectTimeoutMs: time(
        'An attempt to connect, with its handshake, is given up after this. In milliseconds; default: 20000, for a command 60000.',
      ),
      listTimeoutMs: wholeNumber({
        ...TIMES,
        fallback: DEFAULTS.listTimeoutMs,
        description: 'Its list of tools is given up after this; each of the others after half of it.',
      }),
      callTimeoutMs: time(
        "A call without an answer is given up after this. In milliseconds; default: that of the caller's profile, 50000 or 4500 for voice.",
      ),
      maxCallMs: time(
        'The longest a call may take where its progress keeps it alive. In milliseconds; default: callTimeoutMs where that is set here or for the tool, else 230000.',
      ),
      joinRepeats: yesOrNo(
        'true answers a call that a caller repeats while it runs, or after it was cut off, without a second run. Default: true.',
        true,
      ),
      repeatGraceMs: wholeNumber({
        from: 0,
        to: 600_000,
        unit: 'milliseconds',
        fallback: DEFAULTS.repeatGraceMs,
        description: 'How long a call that ended with nobody there to hear it is not run again; 0 for not.',
      }),
      trustHints: yesOrNo(
        "true repeats failed calls of tools that the server's readOnlyHint or idempotentHint says may be. Default: false.",
        false,
      ),
      maxInFlight: ofOneServer('maxInFlight'),
      maxQueue: ofOneServer('maxQueue'),
      disabled: yesOrNo('true leaves this entry out. Default: false.', false),
    },
    must('an object'),
  )
  .meta({
    id: 'server',
    description:
      'One MCP server: url (over HTTP) or command (started here, on stdio). Texts, but for globs, may hold ${NAME}, ${NAME:-fallback}, ${env:NAME} and ${file:PATH}.',
    anyOf: [
      ...['url', 'serverUrl', 'httpUrl', 'command'].map((required) => ({ required: [required] })),
      { properties: { disabled: { const: true } }, required: ['disabled'] },
    ],
  });

const servers = (description: string) =>
  z.record(z.string(), server, must('an object of servers by name')).optional().meta({ description });

const audit = z
  .strictObject(
    {
      file: optionalText(
        'A file that the lines are added to, relative to this one. Default: none, they go where the log goes.',
      ),
      values: yesOrNo(
        'true writes the arguments of calls as well, up to 16 KiB, without the secrets of this file. Default: false.',
        false,
      ),
    },
    must('an object'),
  )
  .optional()
  .meta({
    description: 'The record of calls: one line of JSON each. Default: that of its fields.',
    examples: [{ file: 'audit.jsonl' }],
  });

export const fileSchema = z
  .strictObject(
    {
      $schema: optionalText('Where this schema is, for editors. Default: none.'),
      mcpServers: servers('The MCP servers behind this gateway, by name. No default: one is needed.'),
      servers: servers('Another spelling of mcpServers, with no default either.'),
      allowedHosts: optionalTexts(
        'Host names, without scheme and port, under which this gateway may be reached besides the loopback names. Default: none.',
        { default: [], examples: [['gateway.example.com']] },
      ),
      toolsets,
      profile: optionalText('The profile of callers whose URL names none. Default: by their User-Agent.', [
        'realtime',
      ]),
      profiles,
      catalogFile: optionalText(
        'Where the last good lists are kept, relative to this file; "" for nowhere. Default: beside this file, as servers.catalog.json.',
      ),
      definitionChanges: definitionChanges('warn'),
      legacySse: yesOrNo(
        'true serves callers of the old HTTP+SSE transport as well, at /sse. Default: false.',
        false,
      ),
      audit,
      drainMs: wholeNumber({
        from: 0,
        to: 600_000,
        unit: 'milliseconds',
        fallback: DEFAULTS.drainMs,
        description:
          'How long running calls may still take when the gateway is told to stop, or their server has left this file.',
      }),
      limits,
    },
    must('an object with mcpServers in it'),
  )
  .meta({
    title: 'servers.json of mcp-switchboard',
    oneOf: [{ required: ['mcpServers'] }, { required: ['servers'] }],
  });

export type FileShape = z.input<typeof fileSchema>;
export type ServerShape = z.input<typeof server>;
export type HeadersShape = NonNullable<ServerShape['headers']>;

/** What `servers.schema.json` says. Draft 7 is what editors understand best. */
export const jsonSchema = () => z.toJSONSchema(fileSchema, { target: 'draft-7', io: 'input' });

/** The keys that an object at this place of the file may have. */
export function knownKeys(at: readonly (string | number)[]): string[] {
  let schema: z.core.$ZodType = fileSchema;
  for (const step of at) schema = inside(unwrapped(schema), step);
  const found = unwrapped(schema);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

function inside(schema: z.core.$ZodType, step: string | number): z.core.$ZodType {
  if (schema instanceof z.ZodObject) return schema.shape[step] ?? z.unknown();
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (schema instanceof z.ZodArray) return schema.element;
  if (!(schema instanceof z.ZodUnion)) return z.unknown();
  const isItem = typeof step === 'number';
  const option = schema.options.find((each) => each instanceof z.ZodArray === isItem);
  return option === undefined ? z.unknown() : inside(option, step);
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional ? unwrapped(schema.unwrap()) : schema;
}
