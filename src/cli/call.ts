import { toToolResult } from '../caller/failed-answer.ts';
import type { Config } from '../config/config.ts';
import type { DownstreamFailure } from '../errors.ts';
import type { Gateway } from '../gateway.ts';
import type { Secrets } from '../log.ts';
import { isObject, type Outcome, type Params } from '../protocol/messages.ts';
import { forward } from '../relay/forward.ts';
import { forwardCall } from '../relay/forwarding.ts';
import { escapeHiddenJson } from '../visible.ts';
import type { Env } from './environment.ts';
import { withGateway } from './open.ts';
import { unreachable } from './tools.ts';
import { UsageError } from './usage-error.ts';

/** Calls one tool and prints its result as JSON; resolves with 1 when the call failed. */
export async function call(
  name: string,
  json: string,
  options: { config?: string },
  env: Env,
): Promise<number> {
  const args = readArguments(json);
  const callIt = async (gateway: Gateway, _config: Config, { redact }: Secrets) => {
    const view = gateway.catalog.generic;
    if (!view.routes.has(name)) {
      const hints = [`No tool is called "${name}". See: mcp-switchboard tools`, ...unreachable(gateway)];
      throw new UsageError(hints.join('\n'));
    }
    const outcome = await new Promise<Outcome>((resolve) => {
      const back = {
        logLevel: undefined,
        progressToken: undefined,
        notify: () => {},
        answer: resolve,
        fail: (failure: DownstreamFailure) => resolve({ result: toToolResult(failure) }),
        cancelled: () => {},
      };
      const params = { name, arguments: args };
      forward(forwardCall(params, { view, era: 'modern' }), back);
    });
    const shown = 'result' in outcome ? outcome.result : { error: outcome.error };
    process.stdout.write(`${escapeHiddenJson(redact(JSON.stringify(shown, null, 2)))}\n`);
    return 'error' in outcome || outcome.result.isError === true ? 1 : 0;
  };
  const hasEnough = ({ catalog }: Gateway) => catalog.generic.routes.has(name);
  return withGateway(options, env, callIt, { hasEnough });
}

function readArguments(json: string): Params {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = undefined;
  }
  if (isObject(value)) return value;
  throw new UsageError(`The arguments must be a JSON object, for example '{"query":"Ada"}'.`);
}
