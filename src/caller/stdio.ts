import type { Readable, Writable } from 'node:stream';
import type { Limits } from '../config/config.ts';
import { within } from '../downstream/within.ts';
import { ProtocolError } from '../errors.ts';
import { createLineReader } from '../protocol/lines.ts';
import { RPC } from '../protocol/messages.ts';
import type { Allowance } from './allowance.ts';
import { writeError } from './answers.ts';
import type { Dispatcher } from './dispatch.ts';
import { createPipe } from './pipe.ts';
import type { Selection } from './selection.ts';

const LAST_ANSWERS_MS = 3000;

export interface StdioFront {
  /** Resolves when the caller closes its end, which is how it says goodbye. */
  readonly over: Promise<void>;
  /**
   * Takes no more requests, and answers what is running.
   *
   * @returns  how many requests were still running when the time was over
   */
  drain(graceMs: number): Promise<number>;
}

/** Serves one caller over a pipe: one message a line, both eras, nothing but protocol on the way out. */
export function serveStdio(
  dispatcher: Dispatcher,
  selection: () => Selection,
  input: Readable,
  output: Writable,
  limits: Pick<Limits, 'maxRequestBytes' | 'maxJsonDepth' | 'maxUnsentBytes'>,
  allowance: Allowance,
): StdioFront {
  const write = (json: string) => void (output.writable && output.write(`${json}\n`));
  let onIdle = () => {};
  let hasLeft = false;
  const out = {
    write,
    get isOpen() {
      return output.writable;
    },
    get mayNotify() {
      return output.writableLength <= limits.maxUnsentBytes;
    },
  };
  const who = { name: 'stdio', agent: undefined } as const;
  const pipe = createPipe(dispatcher, who, selection, out, limits, allowance, () => onIdle());

  const over = new Promise<void>((resolve) => {
    const onLine = (line: string) => {
      if (line.trim() !== '') pipe.receive(line);
    };
    const { maxRequestBytes } = limits;
    const refuse = (text: string) => write(writeError(undefined, new ProtocolError(RPC.parseError, text)));
    const lines = createLineReader(
      maxRequestBytes,
      onLine,
      () =>
        refuse(`The line is longer than ${maxRequestBytes} bytes (limits.maxRequestBytes in servers.json).`),
      () => refuse('The line is not valid UTF-8.'),
    );
    input.on('data', (chunk: Buffer) => lines.feed(chunk));
    input.once('end', () => {
      hasLeft = true;
      onIdle = resolve;
      // What it asked before it said goodbye is still answered, if that does not take long (`echo … | … --stdio`).
      if (pipe.waiting === 0) resolve();
      else setTimeout(resolve, LAST_ANSWERS_MS);
    });
    // The reader of our output has gone.
    output.on('error', () => resolve());
  });

  return {
    over,
    async drain(graceMs) {
      input.pause();
      const idle = new Promise<void>((resolve) => {
        onIdle = resolve;
      });
      if (pipe.waiting > 0) await within(graceMs, Promise.race([idle, over]));
      return hasLeft || !output.writable ? 0 : pipe.waiting;
    },
  };
}
