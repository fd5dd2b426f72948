import { MAX_TOOL_CHARS } from './judge-tool.ts';

/**
 * How many characters may still be read while references and alternatives are followed: a short schema can refer to a
 * long one many times over, and what comes of it is as long.
 */
export interface Effort {
  left: number;
}

const MAX_OF_TOOL = MAX_TOOL_CHARS;
const MAX_OF_SERVER = 16 * MAX_OF_TOOL;

/** For one tool; of what its server has left, where that is less. With none, a tool that needs none is still shaped. */
export const effortOfTool = ({ left }: Effort = { left: Infinity }): Effort => ({
  left: Math.max(Math.min(left, MAX_OF_TOOL), 0),
});

/** For all tools of one server, each time they are shaped. */
export const effortOfServer = (): Effort => ({ left: MAX_OF_SERVER });

/** @returns  false where there was not as much left */
export function spend(effort: Effort, chars: number): boolean {
  effort.left -= chars;
  return effort.left >= 0;
}

/** To stand after the tool's name. */
export const TOO_MUCH_EFFORT = `its $refs and alternatives come to more than ${MAX_OF_TOOL} characters`;
