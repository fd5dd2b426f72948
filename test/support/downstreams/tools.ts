import { setTimeout as sleep } from 'node:timers/promises';

/** A tool as it stands on the wire. */
export interface WireTool {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema: { readonly type: 'object'; readonly [key: string]: unknown };
  readonly outputSchema?: { readonly type: 'object'; readonly [key: string]: unknown };
  readonly annotations?: Record<string, unknown>;
  readonly _meta?: Record<string, unknown>;
}

export interface WireResult {
  content: { type: 'text'; text: string }[];
  structuredContent?: Record<string, unknown>;
  isError?: boolean;
  _meta?: Record<string, unknown>;
  [key: string]: unknown;
}

/** One tools/call that reached a tool. */
export interface RecordedCall {
  readonly tool: string;
  readonly arguments: unknown;
  /** The request's `_meta` as far as the server at hand shows it. */
  readonly meta: unknown;
  outcome: 'running' | 'answered' | 'cancelled';
}

/** What a tool is given by the server it runs in. */
export interface ToolCall {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
  readonly meta: unknown;
  /** Aborted when the call is cancelled. */
  readonly signal: AbortSignal;
  /** Does nothing when the call carried no progress token. */
  progress(done: number, total: number): Promise<void>;
}

/** A `_meta` key that no implementation knows: it shows whether results are passed on or rebuilt. */
export const unknownMeta = { 'example.com/trace': { hop: 1, note: 'keep me' } };

/** The five tools that every fixture server has where it can. */
export const commonTools: readonly WireTool[] = [
  {
    name: 'echo',
    title: 'Echo',
    description: 'Says the text back.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
    outputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
    annotations: { readOnlyHint: true, idempotentHint: true },
    _meta: { 'example.com/unit': 'utterance' },
  },
  {
    name: 'add',
    description: 'Adds two numbers.',
    inputSchema: {
      type: 'object',
      properties: { a: { type: 'number' }, b: { type: 'number' } },
      required: ['a', 'b'],
    },
  },
  { name: 'fail', description: 'Always fails.', inputSchema: { type: 'object', properties: {} } },
  {
    name: 'slow',
    description: 'Answers after the given time, or stops when cancelled.',
    inputSchema: { type: 'object', properties: { ms: { type: 'number' } }, required: ['ms'] },
  },
  {
    name: 'progress',
    description: 'Reports every step, then answers at once.',
    inputSchema: { type: 'object', properties: { steps: { type: 'integer' } }, required: ['steps'] },
  },
];

/** The common tools with a record of their calls. `close` ends the ones that still wait. */
export interface Toolbox {
  readonly calls: RecordedCall[];
  run(call: ToolCall): Promise<WireResult>;
  close(): void;
}

export function toolbox(): Toolbox {
  const calls: RecordedCall[] = [];
  const closing = new AbortController();
  return {
    calls,
    async run(call) {
      const recorded: RecordedCall = {
        tool: call.name,
        arguments: call.arguments,
        meta: call.meta,
        outcome: 'running',
      };
      calls.push(recorded);
      call.signal.addEventListener('abort', () => {
        // Servers abort the signal of a finished call too when they shut down.
        if (recorded.outcome === 'running') recorded.outcome = 'cancelled';
      });
      const result = await runTool(call, AbortSignal.any([call.signal, closing.signal]));
      if (recorded.outcome === 'running') recorded.outcome = 'answered';
      return result;
    },
    close: () => closing.abort(),
  };
}

async function runTool(call: ToolCall, signal: AbortSignal): Promise<WireResult> {
  const args = call.arguments;
  switch (call.name) {
    case 'echo':
      return { ...text(String(args.text)), structuredContent: { text: args.text }, _meta: unknownMeta };
    case 'add':
      return text(String(Number(args.a) + Number(args.b)));
    case 'fail':
      return { ...text('This tool always fails.'), isError: true };
    case 'slow':
      await sleep(Number(args.ms), undefined, { signal });
      return text(`waited ${args.ms} ms`);
    case 'progress': {
      const steps = Number(args.steps);
      for (let step = 1; step <= steps; step++) await call.progress(step, steps);
      return text(`${steps} steps`);
    }
    default:
      throw new Error(`Unknown tool: ${call.name}`);
  }
}

function text(value: string): WireResult {
  return { content: [{ type: 'text', text: value }] };
}
