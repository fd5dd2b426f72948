import { MAX_TOOL_CHARS } from './judge-tool.ts';

/**
 * How many characters may still be read while references and alternatives are followed: a short schema can refer to a
 * long one many times over, and what comes of it is as long.
 */
export interface Effort {
  left: number;
  /** Why there is no more, to stand after the tool's name. */
  readonly bound: string;
}

const MAX_OF_TOOL = MAX_TOOL_CHARS;
const MAX_OF_SERVER = 16 * MAX_OF_TOOL;
/** References that lead to references, and levels of what they lead to. */
const MAX_DEPTH = 64;

/** Its message stands after the tool's name. */
class TooMuch extends Error {}

const READS = 'its $refs and alternatives come to more than';
const OF_TOOL = `${READS} ${MAX_OF_TOOL} characters`;
const OF_SERVER = `${READS} ${MAX_OF_SERVER} characters with those of the other tools of its server`;

/** For one tool; of what its server has left, where that is less. With none, a tool that needs none is still shaped. */
export const effortOfTool = (ofServer: Effort = effortOfServer()): Effort =>
  ofServer.left < MAX_OF_TOOL
    ? { left: Math.max(ofServer.left, 0), bound: OF_SERVER }
    : { left: MAX_OF_TOOL, bound: OF_TOOL };

/** For all tools of one server, each time they are shaped. */
export const effortOfServer = (): Effort => ({ left: MAX_OF_SERVER, bound: OF_SERVER });

/** To be called, like the next one, inside of `bounded`. */
export function spend(effort: Effort, chars: number): void {
  effort.left -= chars;
  if (effort.left < 0) throw new TooMuch(effort.bound);
}

export function boundDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw new TooMuch(`its $refs expand to more than ${MAX_DEPTH} levels`);
}

/** What is made, or why that would be too much. */
export function bounded<T extends object>(make: () => T): T | { readonly fault: string } {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    return { fault: error.message };
  }
}
