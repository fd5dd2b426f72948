import { toToolResult } from '../errors.ts';
import { createGateway } from '../gateway.ts';
import { isObject, type Outcome, type Params } from '../protocol/messages.ts';
import { forwardCall } from '../relay/forward.ts';
import type { Env } from './environment.ts';
import { openConfig, openLog } from './open.ts';
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
  const config = openConfig(options.config, env);
  const gateway = createGateway(config, { log: openLog(config, env, '', 'silent'), token: '' });
  try {
    await gateway.attempted;
    const route = gateway.catalog.routes.get(name);
    if (route === undefined) {
      const hints = [
        `No tool is called "${name}". See: mcp-switchboard tools`,
        ...unreachable(gateway, config),
      ];
      throw new UsageError(hints.join('\n'));
    }
    const outcome = await new Promise<Outcome>((resolve) => {
      forwardCall(
        route,
        { name, arguments: args },
        {
          notify: () => {},
          answer: resolve,
          fail: (failure) => resolve({ result: toToolResult(failure) }),
          cancelled: () => {},
        },
      );
    });
    const shown = 'result' in outcome ? outcome.result : { error: outcome.error };
    process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
    return 'error' in outcome || outcome.result.isError === true ? 1 : 0;
  } finally {
    await gateway.close();
  }
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
