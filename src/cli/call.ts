import { applyEdits, format } from 'jsonc-parser';
import { toToolResult } from '../caller/failed-answer.ts';
import type { Config } from '../config/config.ts';
import { INEXACT, isExact } from '../config/document.ts';
import type { Env } from '../config/expand.ts';
import { briefly } from '../cut.ts';
import type { DownstreamFailure } from '../errors.ts';
import type { Gateway } from '../gateway.ts';
import { redactedJson, type Secrets } from '../log.ts';
import { isObject, type Outcome, type Params } from '../protocol/messages.ts';
import { forward } from '../relay/forward.ts';
import { forwardCall } from '../relay/forwarding.ts';
import { escapeHiddenJson } from '../visible.ts';
import { withGateway } from './open.ts';
import { unreachable } from './tools.ts';
import { UsageError } from './usage-error.ts';
import { type ViewOptions, viewOf } from './view.ts';

/** Calls one tool and prints its result as JSON; resolves with 1 when the call failed. */
export async function call(
  name: string,
  json: string,
  options: { config?: string } & ViewOptions,
  env: Env,
): Promise<number> {
  const args = readArguments(json);
  const callIt = async (gateway: Gateway, config: Config, { redact }: Secrets) => {
    const view = viewOf(gateway, config, options);
    if (!view.routes.has(name)) {
      const hints = [`No tool is called "${name}". See: npx mcp-switchboard tools`, ...unreachable(gateway)];
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
    process.stdout.write(`${escapeHiddenJson(printed(outcome, redact))}\n`);
    return 'error' in outcome || outcome.result.isError === true ? 1 : 0;
  };
  const hasEnough = (gateway: Gateway, config: Config) => {
    const { downstreams } = gateway.status();
    // Of two servers that could have it, it is the first one's, whichever lists sooner.
    const mayComeYet = config.downstreams.some(
      ({ key, prefix }) => downstreams[key]?.state === 'connecting' && name.startsWith(prefix),
    );
    return !mayComeYet && viewOf(gateway, config, options).routes.has(name);
  };
  return withGateway(options, env, callIt, { hasEnough });
}

/** As its server wrote it, with numbers that JavaScript cannot hold, unless there is a secret in it. */
function printed(outcome: Outcome, redact: Secrets['redact']): string {
  const shown = 'result' in outcome ? outcome.result : { error: outcome.error };
  const json = redactedJson(shown, redact, INDENT);
  if ('error' in outcome || outcome.written === undefined) return json;
  const { written } = outcome;
  // One may be a number that is another one here.
  const isShown = redact(written) === written && json === JSON.stringify(shown, null, INDENT);
  if (!isShown) return json;
  return applyEdits(written, format(written, undefined, { insertSpaces: true, tabSize: INDENT, eol: '\n' }));
}

const INDENT = 2;

function readArguments(json: string): Params {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = undefined;
  }
  if (!isObject(value))
    throw new UsageError(`The arguments must be a JSON object, for example '{"query":"Ada"}'.`);
  const changed = numbersIn(json).find((number) => !isExact(number));
  if (changed === undefined) return value;
  throw new UsageError(`The arguments have ${briefly(changed)}, ${INEXACT}.`);
}

/** Of a text that is JSON. */
const numbersIn = (json: string) => json.replace(/"(?:[^"\\]|\\.)*"/g, '""').match(/-?\d[\d.eE+-]*/g) ?? [];
