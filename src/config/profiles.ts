/** What one kind of caller needs. Data only: every field is one step somewhere, and `generic` takes none of them. */
export interface Profile {
  readonly name: string;
  /** How answers are framed; `auto` by era and `Accept`. */
  readonly framing: 'auto' | 'sse' | 'json';
  /** The longest name it takes. */
  readonly maxNameChars: number;
  /** The root of an input schema is made a plain object: properties, no oneOf, anyOf, allOf, enum, not. */
  readonly plainSchemaRoot: boolean;
  /** Local `$ref`s are replaced with what they refer to. */
  readonly inlineRefs: boolean;
  /** Keywords taken out of input schemas, at every level. */
  readonly dropKeywords: readonly string[];
  /** Absent: no limit. The same holds for the other limits. */
  readonly maxDescriptionChars?: number;
  readonly maxInstructionsChars?: number;
  /** `text`: every result becomes text, and never an empty one. */
  readonly results: 'unchanged' | 'text';
  readonly maxResultChars?: number;
  /** Whether tools carry their outputSchema, where its root is an object and no result is made text or cut. */
  readonly outputSchema: boolean;
  readonly icons: boolean;
  /** Globs of the `_meta` keys that tools keep. */
  readonly toolMeta: readonly string[];
  /** More tools than this work badly. */
  readonly recommendedTools?: number;
  /** More tools than this are refused, or cut off without a word. */
  readonly maxTools?: number;
  /** From sending a call to giving up on it, where the downstream's entry sets nothing. */
  readonly callTimeoutMs: number;
}

export const GENERIC: Profile = {
  name: 'generic',
  framing: 'auto',
  maxNameChars: 64,
  plainSchemaRoot: false,
  inlineRefs: false,
  dropKeywords: [],
  results: 'unchanged',
  outputSchema: true,
  icons: true,
  toolMeta: ['*'],
  callTimeoutMs: 50_000,
};

/** Both have the model read one string, and a human wait for it. */
const VOICE: Profile = {
  ...GENERIC,
  plainSchemaRoot: true,
  dropKeywords: ['$schema'],
  maxDescriptionChars: 1024,
  maxInstructionsChars: 2048,
  results: 'text',
  maxResultChars: 4096,
  outputSchema: false,
  icons: false,
  toolMeta: [],
  recommendedTools: 20,
  callTimeoutMs: 4500,
};

/**
 * The built-in profiles. `cursor` and `gemini` count the label of the server with the name of a tool (60 and 63
 * characters in all): the rest of that is left for the name when the label is `switchboard`, as `entry` prints it.
 */
export const PROFILES: ReadonlyMap<string, Profile> = new Map(
  [
    GENERIC,
    { ...VOICE, name: 'realtime' },
    // Its client gives any request 5 s, its tools are rebuilt from the properties of the root alone.
    { ...VOICE, name: 'livekit', inlineRefs: true },
    {
      ...GENERIC,
      name: 'openai',
      plainSchemaRoot: true,
      dropKeywords: ['$schema'],
      maxDescriptionChars: 2048,
      maxInstructionsChars: 2048,
      outputSchema: false,
      icons: false,
      toolMeta: ['ui', 'ui/*', 'openai/*'],
      recommendedTools: 20,
      maxTools: 128,
    },
    {
      ...GENERIC,
      name: 'claude',
      plainSchemaRoot: true,
      maxDescriptionChars: 2048,
      maxInstructionsChars: 2048,
      maxResultChars: 150_000,
      icons: false,
      toolMeta: ['ui', 'ui/*', 'anthropic/*'],
      maxTools: 256,
    },
    { ...GENERIC, name: 'cursor', maxNameChars: 48, plainSchemaRoot: true, icons: false, maxTools: 40 },
    { ...GENERIC, name: 'vscode', plainSchemaRoot: true, maxTools: 128 },
    {
      ...GENERIC,
      name: 'gemini',
      maxNameChars: 47,
      plainSchemaRoot: true,
      inlineRefs: true,
      dropKeywords: ['$schema', 'additionalProperties'],
      icons: false,
    },
  ].map((profile) => [profile.name, profile]),
);
