import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
import type { Limits } from '../../config/config.ts';
import { connectHeld } from '../../downstream/http/held-connection.ts';
import { hasLargeBody, refuse } from '../http/http-reply.ts';
import { endAfterRequest } from '../http/last-answer.ts';
import { cutIfUnread } from '../http/unread.ts';
import { UNSERVABLE } from '../http/unreadable.ts';

/** Passes requests on to other processes of the same gateway, which answer them. */
export interface HandOver {
  /**
   * @param body    all that goes on of its body: it was read already, or is left unread
   * @param onLost  answers what the other process may have begun before it ended; false: it may be repeated
   */
  pass(to: number, req: IncomingMessage, res: ServerResponse, body?: string, onLost?: () => boolean): void;
  close(): void;
}

/** Of one connection: they are not passed on. */
const OF_THE_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'expect',
  'upgrade',
  'te',
  'trailer',
  'proxy-connection',
]);

/**
 * @param pathOf  of the socket of a process
 * @param limits  those in force
 */
export function createHandOver(
  pathOf: (index: number) => string,
  limits: Pick<Limits, 'unsentTimeoutMs'>,
): HandOver {
  const pools = new Map<number, Pool>();

  function poolTo(index: number): Pool {
    let pool = pools.get(index);
    if (pool === undefined) {
      pool = new Pool('http://localhost', {
        connect: connectHeld({ socketPath: pathOf(index) }),
        pipelining: 1,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      pools.set(index, pool);
      dropUnused(index, pool);
    }
    return pool;
  }

  /** Its process may have ended, and each reload brings others. For one that is there still, a pool is made again. */
  function dropUnused(index: number, pool: Pool): void {
    const look = () => {
      if (pool.stats.connected > 0 || pool.stats.size > 0 || pools.get(index) !== pool) return;
      pools.delete(index);
      void pool.close();
    };
    pool.on('disconnect', look);
    pool.on('connectionError', look);
  }

  return {
    pass(to, req, res, body, onLost) {
      const { method = 'GET', url = '/', rawHeaders } = req;
      const headers: string[] = [];
      for (let at = 0; at < rawHeaders.length; at += 2) {
        const name = rawHeaders[at] as string;
        if (!OF_THE_HOP.has(name.toLowerCase())) headers.push(name, rawHeaders[at + 1] as string);
      }
      poolTo(to).dispatch(
        {
          // Of the server as a whole, which undici does not send.
          path: url === '*' ? '/*' : url,
          method: method as Dispatcher.HttpMethod,
          headers,
          body: body ?? null,
        },
        new AnswerBack(res, limits, onLost, body === undefined && hasLargeBody(req)),
      );
    },
    close() {
      const all = [...pools.values()];
      pools.clear();
      for (const pool of all) void pool.destroy();
    },
  };
}

const GONE = 'The process that this belongs to has just ended. It will be there again in a moment.';

/** One answer on its way back, as fast as it is read. */
class AnswerBack implements Dispatcher.DispatchHandler {
  readonly #res: ServerResponse;
  readonly #limits: Pick<Limits, 'unsentTimeoutMs'>;
  readonly #onLost: (() => boolean) | undefined;
  readonly #isLast: boolean;
  /** Undefined as long as nothing was sent. */
  #controller: Dispatcher.DispatchController | undefined;

  /** @param isLast  the connection of the caller ends with it */
  constructor(
    res: ServerResponse,
    limits: Pick<Limits, 'unsentTimeoutMs'>,
    onLost: (() => boolean) | undefined,
    isLast: boolean,
  ) {
    this.#res = res;
    this.#limits = limits;
    this.#onLost = onLost;
    this.#isLast = isLast;
    res.on('drain', () => this.#controller?.resume());
    res.on('close', () => {
      if (!res.writableFinished) this.#controller?.abort(new Error('the caller has left'));
    });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#res.destroyed) controller.abort(new Error('the caller has left'));
  }

  onResponseStart(_controller: unknown, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    const kept = Object.entries(headers).filter(
      ([name]) => !OF_THE_HOP.has(name) || name === 'content-length',
    );
    if (this.#isLast) kept.push(['connection', 'close']);
    this.#res.writeHead(status, Object.fromEntries(kept));
    this.#res.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#res.write(chunk)) controller.pause();
    // Who has answered may be done with it: what waits here and between them it has sent.
    cutIfUnread(this.#res, this.#limits.unsentTimeoutMs);
  }

  onResponseEnd(): void {
    if (this.#isLast) endAfterRequest(this.#res);
    else this.#res.end();
  }

  onResponseError(_controller: unknown, error: Error & { code?: string }): void {
    const res = this.#res;
    if (res.destroyed) return;
    if (res.headersSent) return void res.destroy();
    if (this.#controller !== undefined && this.#onLost?.() === true) return;
    // It could be read here, and cannot be written: two of what there may be one of, or a target that is no path.
    if (error.code === 'UND_ERR_INVALID_ARG') return refuse(res, 400, UNSERVABLE);
    refuse(res, 503, GONE, ['retry-after', '1']);
  }
}
