import { isObject, type Outcome, type Params } from './messages.ts';

/** What a server asks the client whose request it works on. */
export interface Question {
  readonly method: string;
  readonly params?: Params;
}

/** Spec 2025-11-25: what a person was sent to elsewhere is done. */
export const ELICITATION_COMPLETE = 'notifications/elicitation/complete';

/** Takes the one answer to a question. */
export type Answered = (outcome: Outcome) => void;

/** Questions by the capability that a client declares for them, and what of that capability can be told on. */
const KINDS = [
  ['elicitation/create', 'elicitation', ['form', 'url']],
  ['sampling/createMessage', 'sampling', ['tools', 'context']],
  ['roots/list', 'roots', []],
] as const;

/** The capability that a client must have declared to be asked this; undefined where it is no question at all. */
export function capabilityFor(method: unknown): string | undefined {
  return KINDS.find(([known]) => known === method)?.[1];
}

/** What of its capability a question needs beside the capability itself. */
export function detailFor(method: string, params: Params = {}): string | undefined {
  if (method === 'elicitation/create') return typeof params.mode === 'string' ? params.mode : 'form';
  const usesTools = params.tools !== undefined || params.toolChoice !== undefined;
  return method === 'sampling/createMessage' && usesTools ? 'tools' : undefined;
}

/** Spec: an elicitation capability that names no mode is one for forms. */
export function isDeclared(capability: unknown, detail: string): boolean {
  if (!isObject(capability)) return false;
  const isNamed = Object.hasOwn(capability, detail) && isObject(capability[detail]);
  return isNamed || (detail === 'form' && !isObject(capability.url));
}

/** Of what a client declared, what makes it one that can be asked; undefined where it cannot be asked anything. */
export function askableOf(declared: unknown): Params | undefined {
  if (!isObject(declared)) return undefined;
  let askable: Params | undefined;
  for (const [, name, details] of KINDS) {
    const capability = declared[name];
    if (!isObject(capability)) continue;
    const told = details.filter((detail) => isObject(capability[detail]));
    askable = { ...askable, [name]: Object.fromEntries(told.map((detail) => [detail, {}])) };
  }
  return askable;
}
