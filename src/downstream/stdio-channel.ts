import { existsSync } from 'node:fs';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { StdioDownstreamConfig } from '../config/config.ts';
import { type DownstreamFailure, notMcp, tooLarge } from '../errors.ts';
import type { Logger } from '../log.ts';
import { createLineReader } from '../protocol/lines.ts';
import { isFlood, isObject } from '../protocol/messages.ts';
import { Pace } from '../protocol/pace.ts';
import type { Cap } from './cap.ts';
import { describeCause } from './causes.ts';
import type { Channel, Interceptor } from './channel.ts';
import { type Child, startChild, stopChild } from './child.ts';

/** Lines of a child's stderr that are kept to explain its end. */
const KEPT_STDERR_LINES = 20;

/** A child process: one message a line. */
export class StdioChannel implements Channel {
  readonly #config: StdioDownstreamConfig;
  readonly #cap: Cap;
  readonly #pace: Pace;
  readonly #log: Logger;
  readonly #stderrLines: string[] = [];
  #child: Child | undefined;
  #ending: Promise<void> | undefined;

  onclose?: Transport['onclose'];
  onerror?: Transport['onerror'];
  onmessage?: Transport['onmessage'];
  intercept: Interceptor = () => false;
  onUnreadable: Channel['onUnreadable'] = () => {};
  ended: string | undefined;
  // The SDK recognises a child process by these two, and then takes silence on its probe for a legacy server.
  readonly stderr = null;
  pid: number | null = null;

  constructor(config: StdioDownstreamConfig, cap: Cap, maxNoticesPerSecond: number, log: Logger) {
    this.#config = config;
    this.#cap = cap;
    this.#pace = new Pace(maxNoticesPerSecond);
    this.#log = log;
  }

  async start(): Promise<void> {
    const child = startChild(this.#config);
    this.#child = child;
    this.pid = child.pid ?? null;
    const lines = createLineReader(
      this.#cap.bytes,
      (line) => this.#onLine(line),
      (kept) => this.#onTooLong(kept),
      (readable) => this.#onNotUtf8(readable),
    );
    child.stdout.on('data', (chunk: Buffer) => lines.feed(chunk));
    const errors = createLineReader(
      65_536,
      (line) => this.#onStderr(line),
      () => {},
    );
    child.stderr.on('data', (chunk: Buffer) => errors.feed(chunk));
    // A child that ends takes its pipes along; that it ended is told by 'exit'.
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on('error', () => {});
    child.once('exit', (code, signal) =>
      this.#onEnd(signal === null ? `exit code ${code}` : `ended by ${signal}`),
    );
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => {
        // Node reports a missing working directory as if the command were missing.
        const { cwd } = this.#config;
        this.#onEnd(cwd !== undefined && !existsSync(cwd) ? 'its cwd does not exist' : describeCause(error));
        reject(error);
      });
    });
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (!this.write(JSON.stringify(message))) throw new Error(`The process is not running (${this.ended})`);
  }

  write(line: string): boolean {
    const { stdin } = this.#child ?? {};
    if (this.ended !== undefined || stdin === undefined || !stdin.writable) return false;
    stdin.write(`${line}\n`);
    return true;
  }

  /** What the child said last on stderr, usually the reason for its end: the error, if one of its lines names one. */
  lastWords(): string | undefined {
    const lines = this.#stderrLines.filter((line) => line.trim() !== '' && !/^Node\.js v\d/.test(line));
    return lines.findLast((line) => /^\s*(\w*Error|error)\b/.test(line)) ?? lines.at(-1);
  }

  async close(): Promise<void> {
    this.#onEnd('closed');
    await this.#ending;
  }

  #onLine(line: string): void {
    if (this.ended !== undefined || isFlood(line, this.#pace)) return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      // Banners and stray prints are common, and no reason to lose the server.
      this.#log.debug({ event: 'stdout_noise', bytes: line.length }, 'not JSON, skipped');
      return;
    }
    if (!isObject(message) || this.intercept(message)) return;
    this.onmessage?.(message as unknown as JSONRPCMessage);
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
    for (const [, id] of part.matchAll(/"id"\s*:\s*(\d+)/g)) this.onUnreadable(Number(id), failure);
  }

  #onStderr(line: string): void {
    this.#stderrLines.push(line);
    if (this.#stderrLines.length > KEPT_STDERR_LINES) this.#stderrLines.shift();
    this.#log.debug({ event: 'stderr', line }, 'the process wrote to stderr');
  }

  #onEnd(why: string): void {
    if (this.ended !== undefined) return;
    this.ended = why;
    if (this.#child !== undefined) this.#ending = stopChild(this.#child);
    this.onclose?.();
  }
}
