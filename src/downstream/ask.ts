import { noAnswer } from '../errors.ts';
import { LISTED_FOR } from '../protocol/extensions.ts';
import type { Params } from '../protocol/messages.ts';
import type { Link } from './link.ts';

/** The downstream answered with an error of its own. */
export class Refused extends Error {
  readonly code: number;

  constructor(method: string, code: number) {
    super(`it answered ${method} with error ${code}`);
    this.code = code;
  }
}

/**
 * Asks one question over a link and waits for the result, as it is.
 *
 * @throws DownstreamFailure no answer within `timeoutMs`, or none at all; Refused a JSON-RPC error
 */
export function ask(
  link: Link,
  key: string,
  method: string,
  params: Params,
  timeoutMs: number,
): Promise<Params> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      exchange.cancel('timeout');
      reject(noAnswer(key, `${method} timed out after ${timeoutMs} ms`));
    }, timeoutMs);
    const exchange = link.request(
      { method, params, progress: false, extensions: LISTED_FOR },
      {
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
    );
  });
}
