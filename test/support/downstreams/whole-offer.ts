/*
 * What a server with something of everything offers and does, on whatever SDK it is (whole.ts).
 */

/** The SDKs' clients on stdio lose progress that comes in one piece with the result, from any server. */
const GAP = () => new Promise((resolve) => setTimeout(resolve, 100));

export const COUNTER = 'test://counter';
/** A resource that hosts open as an app. */
export const APP = 'ui://app';
/** A resource whose reading asks first. */
export const ASKING = 'test://asking';

export const serverInfo = { name: 'fixture-whole', version: '1.0.0' };
export const capabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
};
const inputSchema = { type: 'object' as const };
/** Its argument is mirrored by whoever calls it in the modern era over HTTP. */
const MIRRORED = {
  name: 'mirrored',
  inputSchema: { ...inputSchema, properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } },
};
/** Its results are shown by an app. */
const SHOWN = { name: 'shown', inputSchema, _meta: { ui: { resourceUri: APP } } };
const TOOLS = [
  'echo',
  'fails',
  'steps',
  'logs',
  'form',
  'url',
  'sampling',
  'sampling-with-tools',
  'roots',
  'takes-back',
  'meta',
  'waits',
  'state',
  'grow',
  'touch',
  'finish',
];

const ADDRESS = { mode: 'url', message: 'Sign in', url: 'https://example.com/in' };

/** What it asks, by the tool that does so. */
export const QUESTIONS = {
  form: {
    method: 'elicitation/create',
    params: {
      mode: 'form',
      message: 'Which one?',
      requestedSchema: { type: 'object', properties: { choice: { type: 'string' } } },
    },
  },
  url: {
    method: 'elicitation/create',
    // 2025-11-25 alone has ids for addresses.
    params: { ...ADDRESS, elicitationId: 'e-1' },
  },
  sampling: {
    method: 'sampling/createMessage',
    params: { messages: [{ role: 'user', content: { type: 'text', text: 'Say it' } }], maxTokens: 9 },
  },
  'sampling-with-tools': {
    method: 'sampling/createMessage',
    params: {
      messages: [{ role: 'user', content: { type: 'text', text: 'Do it' } }],
      maxTokens: 9,
      tools: [{ name: 'hammer', inputSchema: { type: 'object' } }],
      toolChoice: { mode: 'auto' },
    },
  },
  roots: { method: 'roots/list' },
} as const;
export type QuestionName = keyof typeof QUESTIONS;
export const MODERN_QUESTIONS = { ...QUESTIONS, url: { method: 'elicitation/create', params: ADDRESS } };

/** What a request can do while it runs. */
export interface Asker {
  ask(question: QuestionName, signal?: AbortSignal): Promise<unknown>;
}

/** What a tool can do while it runs. */
export interface Peer extends Asker {
  readonly signal: AbortSignal;
  /** What its caller says of the call, without what belongs to the protocol. */
  readonly meta: object;
  /** The header that mirrors the argument of that name. */
  readonly mirrored: string | undefined;
  progress(progress: number): Promise<void>;
  /** From the level on that was asked for. */
  log(level: 'debug' | 'info', data: string): Promise<void>;
}

export interface Announcer {
  listsChanged(): unknown;
  updated(uri: string): unknown;
}

const text = (value: unknown) => ({ content: [{ type: 'text' as const, text: JSON.stringify(value) }] });

export function createWhole(announcer: Announcer) {
  const state = { grown: 0, running: 0, cancelled: 0 };
  const grown = (name: string) => Array.from({ length: state.grown }, (_, index) => `${name}-${index + 1}`);

  /** What goes on when the tool `finish` is called. */
  const held: (() => void)[] = [];
  const finished = () => new Promise<void>((resolve) => void held.push(resolve));

  async function wait(signal: AbortSignal) {
    state.running++;
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve);
      if (signal.aborted) resolve(undefined);
    });
    state.running--;
    state.cancelled++;
    return text('cancelled');
  }

  return {
    lists: {
      'tools/list': () => ({
        tools: [MIRRORED, SHOWN, ...[...TOOLS, ...grown('tool')].map((name) => ({ name, inputSchema }))],
      }),
      'prompts/list': () => ({ prompts: ['greet', 'asks', ...grown('prompt')].map((name) => ({ name })) }),
      'resources/list': () => ({
        resources: [COUNTER, ASKING, APP, ...grown('test://grown')].map((uri) => ({ uri, name: uri })),
      }),
      'resources/templates/list': () => ({
        resourceTemplates: [{ uriTemplate: 'test://item/{id}', name: 'item' }],
      }),
    },
    async prompt(
      { name, arguments: args = {} }: { name: string; arguments?: object | undefined },
      peer: Asker,
    ) {
      const told = name === 'asks' ? await peer.ask('form') : args;
      const content = { type: 'text' as const, text: `${name} ${JSON.stringify(told)}` };
      return { messages: [{ role: 'user' as const, content }] };
    },
    async resource({ uri }: { uri: string }, peer: Asker) {
      const told = uri === ASKING ? JSON.stringify(await peer.ask('form')) : `read ${uri}`;
      return { contents: [{ uri, text: told }] };
    },
    completion: ({ argument }: { argument: { value: string } }) => ({
      completion: { values: [`${argument.value}-completed`], hasMore: false },
    }),
    async call(name: string, args: object, peer: Peer) {
      switch (name) {
        case 'echo':
          return { ...text(args), structuredContent: { echoed: args } };
        case 'fails':
          return { ...text('no'), isError: true };
        case 'steps':
          for (const step of [1, 2, 3]) await peer.progress(step);
          await ('held' in args ? finished() : GAP());
          return text('stepped');
        case 'logs':
          await peer.log('debug', 'of no interest');
          await peer.log('info', 'of interest');
          return text('logged');
        case 'form':
        case 'url':
        case 'sampling':
        case 'sampling-with-tools':
        case 'roots':
          return text(await peer.ask(name));
        case 'takes-back': {
          const abort = new AbortController();
          const asked = peer.ask('form', abort.signal);
          await finished();
          abort.abort('no longer of interest');
          await asked;
          return text('taken back');
        }
        case 'meta':
          return text(peer.meta);
        case 'mirrored':
          return text({ args, header: peer.mirrored ?? null });
        case 'waits':
          return wait(peer.signal);
        case 'grow':
          state.grown++;
          setImmediate(() => announcer.listsChanged());
          return text('grown');
        case 'finish':
          for (const finish of held.splice(0)) finish();
          return text('finished');
        case 'shown':
          return text({ shown: args });
        case 'touch':
          setImmediate(() => announcer.updated(COUNTER));
          return text('touched');
        default:
          return text(state);
      }
    },
  };
}

export type Whole = ReturnType<typeof createWhole>;
