import { existsSync } from 'node:fs';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { StdioDownstreamConfig } from '../../config/config.ts';
import { cutOff, type DownstreamFailure, doesNotRead, notMcp, tooLarge } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { within } from '../../promises.ts';
import { createLineReader } from '../../protocol/lines.ts';
import { idOfUnread } from '../../protocol/written-answer.ts';
import type { Cap } from '../cap.ts';
import { describeCause } from '../causes.ts';
import { type Channel, Intake, type Interceptor } from './channel.ts';
import { type Child, startChild, stopChild } from './child.ts';
import { createStderrRing, type StderrRing } from './stderr-ring.ts';

/** What may wait for a child that does not read its input. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** What a process says last may arrive after the news of its end, and the other way round. */
const LAST_WORDS_MS = 250;

/** It is on its way, and cannot be taken back. */
const WRITTEN = () => {};

/** A child process: one message a line. */
export class StdioChannel implements Channel {
  readonly #config: StdioDownstreamConfig;
  readonly #cap: Cap;
  readonly #intake: Intake;
  readonly #log: Logger;
  readonly #stderr: StderrRing;
  #child: Child | undefined;
  #ending: Promise<void> | undefined;

  onclose?: Transport['onclose'];
  onerror?: Transport['onerror'];
  onmessage?: Transport['onmessage'];
  intercept: Interceptor = () => false;
  onUnreadable: Channel['onUnreadable'] = () => {};
  ended: string | undefined;
  failure: DownstreamFailure | undefined;
  // The SDK recognises a child process by these two, and then takes silence on its probe for a legacy server.
  readonly stderr = null;
  pid: number | null = null;

  constructor(config: StdioDownstreamConfig, cap: Cap, maxNoticesPerSecond: number, log: Logger) {
    this.#config = config;
    this.#cap = cap;
    this.#intake = new Intake(this, maxNoticesPerSecond);
    this.#log = log;
    this.#stderr = createStderrRing(log);
  }

  async start(): Promise<void> {
    const child = this.#startChild();
    this.#child = child;
    this.pid = child.pid ?? null;
    const started = new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => {
        this.#onEnd(whyNotStarted(this.#config, error));
        reject(error);
      });
    });
    // Where no descriptor is left for its pipes, it has none.
    if (child.stdout === undefined) return started;
    const lines = createLineReader(
      () => this.#cap.bytes,
      (line) => this.#onLine(line),
      (kept) => this.#onTooLong(kept),
      (readable) => this.#onNotUtf8(readable),
    );
    this.#intake.open(child.stdout);
    child.stdout.on('data', (chunk: Buffer) => lines.feed(chunk));
    child.stderr.on('data', (chunk: Buffer) => this.#stderr.feed(chunk));
    // A child that ends takes its pipes along; that it ended is told by 'exit'.
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on('error', () => {});
    const silent = new Promise<void>((resolve) => child.stdout.once('close', resolve));
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.once('exit', async (code, signal) => {
      await within(LAST_WORDS_MS, silent);
      this.#onEnd(signal === null ? `exit code ${code}` : `ended by ${signal}`);
    });
    // One that goes on without its output can answer nothing any more, and one without its input hears nothing.
    const goesOn = async (why: string) => {
      // Also where it is given up sooner than that, for a call that could not be written.
      this.failure ??= cutOff(this.#config.key);
      if (!(await within(LAST_WORDS_MS, gone))) this.#onEnd(why);
    };
    void silent.then(() => goesOn('it closed its output'));
    child.stdin.once('error', () => goesOn('it closed its input'));
    await started;
  }

  /** Some reasons not to start are thrown, others are told: those of before there is a process, and of after. */
  #startChild(): Child {
    try {
      return startChild(this.#config);
    } catch (error) {
      this.#onEnd(whyNotStarted(this.#config, error as Error));
      throw error;
    }
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.write(JSON.stringify(message)) === undefined)
      throw new Error(`The process is not running (${this.ended})`);
  }

  write(line: string, onRefused?: (failure: DownstreamFailure) => void): (() => void) | undefined {
    const { stdin } = this.#child ?? {};
    if (this.ended !== undefined || stdin === undefined || !stdin.writable) return undefined;
    if (stdin.writableLength > MAX_UNREAD_BYTES) {
      onRefused?.(doesNotRead(this.#config.key, MAX_UNREAD_BYTES));
      return WRITTEN;
    }
    stdin.write(`${line}\n`);
    return WRITTEN;
  }

  /** What the child said last on stderr. */
  lastWords(): string | undefined {
    return this.#stderr.lastWords();
  }

  async close(): Promise<void> {
    this.#onEnd('closed');
    await this.#ending;
  }

  #onLine(line: string): void {
    if (this.ended !== undefined || this.#intake.take(line)) return;
    // Banners and stray prints are common, and no reason to lose the server.
    this.#log.debug({ event: 'stdout_noise', bytes: line.length }, 'not JSON, skipped');
  }

  /** The answer to one call is too large: that call fails, and the process goes on. */
  #onTooLong(kept: string): void {
    this.#log.warn({ event: 'line_too_long', maxBytes: this.#cap.bytes }, 'a line was too long, skipped');
    this.#onUnread(kept, tooLarge(this.#config.key, this.#cap.bytes, this.#cap.limit));
  }

  /** Nobody is given an answer with other characters than it had. */
  #onNotUtf8(readable: string): void {
    this.#log.warn({ event: 'line_not_utf8' }, 'a line was not UTF-8, skipped');
    this.#onUnread(readable, notMcp(this.#config.key, 'not UTF-8'));
  }

  #onUnread(part: string, failure: DownstreamFailure): void {
    const id = idOfUnread(part);
    if (id !== undefined) this.onUnreadable(id, failure);
  }

  #onEnd(why: string): void {
    if (this.ended !== undefined) return;
    this.ended = why;
    if (this.#child !== undefined) this.#ending = stopChild(this.#child);
    this.onclose?.();
  }
}

function whyNotStarted({ command, cwd }: StdioDownstreamConfig, error: Error): string {
  // Node reports a missing working directory as if the command were missing.
  if (cwd !== undefined && !existsSync(cwd)) return 'its cwd does not exist';
  if (cwd !== undefined && !existsSync(`${cwd}/.`)) return 'its cwd is no directory that can be entered';
  const why = describeCause(error);
  const isLine = (error as NodeJS.ErrnoException).code === 'ENOENT' && /\s/.test(command);
  return isLine ? `${why}: put what follows the program into args` : why;
}
