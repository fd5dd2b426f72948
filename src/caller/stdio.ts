import type { Readable, Writable } from 'node:stream';
import type { Limits } from '../config/config.ts';
import { ProtocolError } from '../errors.ts';
import { within } from '../promises.ts';
import { createLineReader } from '../protocol/lines.ts';
import { idOfRequest, RPC } from '../protocol/messages.ts';
import { endsOfUnread } from '../protocol/written-answer.ts';
import type { Allowance } from './allowance.ts';
import { writeRefusal } from './answers.ts';
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

/**
 * Serves one caller over a pipe: one message a line, both eras, nothing but protocol on the way out. While it does not
 * read its answers, it is not read from.
 */
export function serveStdio(
  dispatcher: Dispatcher,
  selection: () => Selection,
  input: Readable,
  output: Writable,
  limits: Pick<Limits, 'maxRequestBytes' | 'maxJsonDepth' | 'maxUnsentBytes'>,
  allowance: Allowance,
): StdioFront {
  const write = (json: string, onLeft?: () => void): void => {
    if (!output.writable) return;
    const left = () => {
      onLeft?.();
      readOn();
    };
    output.write(`${json}\n`, onLeft === undefined ? readOn : left);
  };
  const isUnread = () => output.writableLength > limits.maxUnsentBytes;
  /** What was read already when that came about: a chunk is many messages, and their answers far more than it. */
  const held: (() => void)[] = [];
  let onTaken = () => {};
  let onIdle = () => {};
  let isDraining = false;
  let hasLeft = false;
  const out = {
    write,
    get isOpen() {
      return output.writable;
    },
    get mayNotify() {
      return !isUnread();
    },
  };
  const who = { name: 'stdio', agent: undefined } as const;
  const pipe = createPipe(dispatcher, who, selection, out, limits, allowance, () => {
    if (held.length === 0) onIdle();
  });

  function take(message: () => void): void {
    if (held.length === 0 && !isUnread()) message();
    else held.push(message);
  }
  function readOn(): void {
    if (isDraining || !input.isPaused()) return;
    while (held.length > 0 && !isUnread()) held.shift()?.();
    if (held.length === 0) onTaken();
    if (!isUnread()) input.resume();
  }

  let lastAnswers: NodeJS.Timeout | undefined;
  const left = new Promise<void>((resolve) => {
    const onLine = (line: string) => {
      if (line.trim() !== '') take(() => pipe.receive(line));
    };
    const refuse = (why: string, part: string) => {
      const error = new ProtocolError(RPC.parseError, why, idOfRequest(endsOfUnread(part)));
      take(() => write(writeRefusal(undefined, error)));
    };
    const most = () => limits.maxRequestBytes;
    const tooLong = () => `The line is longer than ${most()} bytes (limits.maxRequestBytes in servers.json).`;
    const lines = createLineReader(
      most,
      onLine,
      (part) => refuse(tooLong(), part),
      (part) => refuse('The line is not valid UTF-8.', part),
    );
    input.on('data', (chunk: Buffer) => {
      lines.feed(chunk);
      if (held.length > 0 || isUnread()) input.pause();
    });
    input.once('end', () => {
      hasLeft = true;
      onIdle = resolve;
      // What it asked before it said goodbye is still answered, if that does not take long (`echo … | … --stdio`).
      const answerLast = () => {
        onTaken = () => {};
        if (pipe.waiting === 0) resolve();
        else lastAnswers = setTimeout(resolve, LAST_ANSWERS_MS);
      };
      if (held.length === 0) answerLast();
      else onTaken = answerLast;
    });
    // Who came over a socket may be cut off, and reads no answer either.
    input.on('error', () => {
      hasLeft = true;
      resolve();
    });
    // The reader of our output has gone.
    output.on('error', () => resolve());
  });
  const over = left.then(() => {
    clearTimeout(lastAnswers);
    pipe.close();
  });

  return {
    over,
    async drain(graceMs) {
      isDraining = true;
      held.length = 0;
      input.pause();
      const idle = new Promise<void>((resolve) => {
        onIdle = resolve;
      });
      if (pipe.waiting > 0) await within(graceMs, Promise.race([idle, over]));
      return hasLeft || !output.writable ? 0 : pipe.waiting;
    },
  };
}
