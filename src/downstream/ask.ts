import { noAnswer, unavailable } from '../errors.ts';
import { LISTED_FOR } from '../protocol/extensions.ts';
import type { Params } from '../protocol/messages.ts';
import type { Connection } from './connection.ts';
import { type Renewal, RenewingExchange } from './passage/renewing-exchange.ts';
import { RetryBudget } from './passage/retry-budget.ts';
import type { Repeatability } from './passage/retry-rules.ts';

/** The downstream answered with an error of its own. */
export class Refused extends Error {
  readonly code: number;

  constructor(method: string, code: number) {
    super(`it answered ${method} with error ${code}`);
    this.code = code;
  }
}

/**
 * Asks one question over a connection, and no other, and waits for the result, as it is.
 *
 * @throws DownstreamFailure no answer within `timeoutMs`, or none at all; Refused a JSON-RPC error
 */
export function ask(
  connection: Connection,
  key: string,
  method: string,
  params: Params,
  timeoutMs: number,
  repeatability: Repeatability = 'once',
): Promise<Params> {
  const deadline = performance.now() + timeoutMs;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      exchange.cancel('timeout');
      reject(noAnswer(key, `${method} timed out after ${timeoutMs} ms`));
    }, timeoutMs);
    const exchange = new RenewingExchange(
      { method, params, progress: false, extensions: LISTED_FOR, repeatability },
      {
        isOwn: true,
        get timeLeftMs() {
          return deadline - performance.now();
        },
        onNotification: () => {},
        onOutcome: (outcome) => {
          clearTimeout(timer);
          if ('result' in outcome) resolve(outcome.result);
          else reject(new Refused(method, outcome.error.code));
        },
        onFailure: (failure) => {
          clearTimeout(timer);
          reject(failure);
        },
      },
      onlyOver(connection, key),
    );
  });
}

function onlyOver(connection: Connection, key: string): Renewal {
  return {
    connection: () => connection,
    connectionAfter: () => undefined,
    unavailable: () => unavailable(key, 'the connection was lost'),
    refreshed: async () => undefined,
    doubt: () => {},
    budget: new RetryBudget(),
  };
}
