import { cutText } from '../cut.ts';
import { escapeHiddenJson } from '../visible.ts';
import type { ConfigProblem } from './config-error.ts';

/** Where something stands in the file: `['mcpServers', 'crm', 'headers', 0, 'name']`. */
export type Place = readonly (string | number)[];

/** Notes a problem and goes on, since the person wants to hear all of them at once. */
export type Report = (at: Place, message: string) => void;

export interface Problems {
  readonly report: Report;
  /** In the order of the file, each once. */
  list(): ConfigProblem[];
}

/** @param offsetOf  how far into the file a place stands */
export function createProblems(offsetOf: (at: Place) => number): Problems {
  const found = new Map<string, ConfigProblem & { offset: number }>();
  return {
    report(at, message) {
      const path = formatPlace(at);
      found.set(`${path}\n${message}`, { path, message, offset: offsetOf(at) });
    },
    list() {
      return [...found.values()]
        .sort((a, b) => a.offset - b.offset)
        .map(({ path, message }) => ({ path, message }));
    },
  };
}

/** `mcpServers.crm.headers[0].name`; a key of other characters stands in brackets, as JSON that has nothing hidden. */
export function formatPlace(at: Place): string {
  let text = '';
  for (const step of at) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!PLAIN_KEY.test(step))
      text += `[${escapeHiddenJson(JSON.stringify(cutText(step, MAX_KEY_CHARS)))}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

const MAX_KEY_CHARS = 60;
const PLAIN_KEY = /^[\w$-]{1,60}$/;

export function isObject(value: unknown): value is Record<string, unknown> {
  return kindOf(value) === 'an object';
}

export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
