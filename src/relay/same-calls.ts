import type { Params } from '../protocol/messages.ts';
import type { Forwarding } from './asking.ts';
import { withoutTrace } from './meta.ts';

/** What makes two calls of tools the same. */
export interface Same {
  readonly caller: string;
  /** Its key. */
  readonly downstream: string;
  readonly name: string;
  readonly argumentsJson: string;
  /** What was said with it that may make its answer another one. */
  readonly beside: string;
}

/** Undefined for one that may run as often as it comes, that goes on with one that waits, or has more to it than its arguments. */
export function sameOf(
  { joinsRepeats, downstream, params, argumentsJson, dialogue, extensions }: Forwarding,
  caller: string,
): Same | undefined {
  if (joinsRepeats !== true || dialogue?.resumes !== undefined) return undefined;
  for (const field in params) {
    if (field !== 'name' && field !== 'arguments' && field !== '_meta') return undefined;
  }
  return {
    caller,
    downstream: downstream.key,
    name: String(params.name),
    argumentsJson: String(argumentsJson),
    beside: saidBeside(
      params._meta as Params | undefined,
      dialogue?.capabilities,
      extensions,
      dialogue?.answers,
    ),
  };
}

/** What else may make the answer another one; empty for most. */
function saidBeside(meta: Params | undefined, ...declared: readonly unknown[]): string {
  const said = meta && withoutTrace(meta);
  const isEmpty = said === undefined || Object.keys(said).length === 0;
  return isEmpty && declared.every((one) => one === undefined)
    ? ''
    : JSON.stringify([said ?? {}, ...declared]);
}

/** All of it in one text. */
export const keyOf = ({ caller, downstream, name, argumentsJson, beside }: Same) =>
  `${caller}\n${downstream}\n${name}\n${argumentsJson}\n${beside}`;

const BUCKETS = 256;
/** About so many characters of the arguments decide where a call is kept. */
const LOOKED_AT = 16;

/**
 * Calls by what makes them the same. Neither a `Map` nor a `BriefMap`: for these the whole key is put together, read to its
 * end and, as the name of a property, copied, which took a thirtieth of the instructions of a call. Here a call is compared
 * with those few whose arguments look alike. Who sends many that look alike on purpose has them compared with each other, and
 * of these there are as many as its limits let it have.
 */
export class SameCalls<Call extends { readonly same: Same }> {
  readonly #buckets: Call[][] = Array.from({ length: BUCKETS }, () => []);

  find(same: Same): Call | undefined {
    for (const call of this.#bucketOf(same)) {
      const { argumentsJson, beside, name, downstream, caller } = call.same;
      if (
        argumentsJson === same.argumentsJson &&
        beside === same.beside &&
        name === same.name &&
        downstream === same.downstream &&
        caller === same.caller
      )
        return call;
    }
    return undefined;
  }

  /** There is none that is the same. */
  add(call: Call): void {
    this.#bucketOf(call.same).push(call);
  }

  /** This one, if it is there. */
  remove(call: Call): void {
    const bucket = this.#bucketOf(call.same);
    const place = bucket.indexOf(call);
    if (place === -1) return;
    const last = bucket.pop() as Call;
    if (last !== call) bucket[place] = last;
  }

  all(): Call[] {
    return this.#buckets.flat();
  }

  #bucketOf({ name, argumentsJson }: Same): Call[] {
    const { length } = argumentsJson;
    let hash = name.length + length;
    const step = Math.max(1, Math.floor(length / LOOKED_AT));
    for (let at = length - 1; at >= 0; at -= step) hash = (hash * 31 + argumentsJson.charCodeAt(at)) | 0;
    return this.#buckets[hash & (BUCKETS - 1)] as Call[];
  }
}
