import { resolve } from 'node:path';
import { cutText } from '../cut.ts';
import { escapeHiddenLine } from '../visible.ts';
import type { Place, Report } from './problems.ts';
import { readText } from './read-text.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Where values come from. */
export interface Sources {
  readonly env: Env;
  /** What a relative path in `${file:PATH}` starts from. */
  readonly directory: string;
  /** Told the absolute path of each file that is asked for. */
  readonly onFile?: (path: string) => void;
}

export interface Expander {
  /**
   * Fills in every `${...}` of a text, or reports why it cannot and returns undefined. Of what is not written there is nothing
   * to fill in.
   *
   * @param empty  what to do about a variable or file that is there but empty: in a header that is a forgotten secret
   */
  expand(text: string | undefined, at: Place, empty?: 'allowed' | 'refused'): string | undefined;
  /** Everything that was filled in. */
  readonly filledIn: ReadonlySet<string>;
}

/** A filled-in value; `source` names the variable or file that it was read from, if it was not a fallback. */
type Found = { readonly value: string; readonly source?: string } | { readonly problem: string };

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const VARIABLE = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;
const FILE = /^file:(.+)$/s;

const MAX_FILE_BYTES = 64 * 1024;
/** What messages quote of them. */
const MAX_NAME_CHARS = 60;
const MAX_PATH_CHARS = 300;

export function createExpander(sources: Sources, report: Report): Expander {
  const filledIn = new Set<string>();
  return {
    filledIn,
    expand(text, at, empty = 'allowed') {
      if (text === undefined) return undefined;
      let complete = true;
      const fail = (message: string) => {
        complete = false;
        report(at, message);
        return '';
      };
      // What was filled in is not searched again: a secret may contain "${" like anything else.
      const expanded = text.replace(REFERENCE, (_, body: string | undefined, end: string) => {
        if (body === undefined) return '${';
        const found = end === '' ? UNCLOSED : find(body, sources);
        if ('problem' in found) return fail(found.problem);
        if (found.value === '' && found.source !== undefined && empty === 'refused') {
          return fail(`${found.source} is empty`);
        }
        filledIn.add(found.value);
        return found.value;
      });
      return complete ? expanded : undefined;
    },
  };
}

/** @param body  what stands between `${` and `}`; quoted only where it is a name or a path, else it may be a secret */
function find(body: string, { env, directory, onFile = () => {} }: Sources): Found {
  if (body.includes('${')) return NESTED;
  const [isVariable, name = '', fallback] = VARIABLE.exec(body) ?? [];
  if (isVariable !== undefined) return findVariable(name, fallback, env);
  const path = FILE.exec(body)?.[1];
  if (path !== undefined) {
    const file = resolve(directory, path);
    onFile(file);
    return readSecret(file);
  }
  return body.startsWith('input:') ? INPUT : UNKNOWN;
}

function findVariable(name: string, fallback: string | undefined, env: Env): Found {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (fallback !== undefined && (value === undefined || value === '')) return { value: fallback };
  const source = `environment variable ${cutText(name, MAX_NAME_CHARS)}`;
  if (value !== undefined) return { value, source };
  return EDITOR_VARIABLES.has(name) ? UNKNOWN : { problem: `${source} is not set` };
}

function readSecret(path: string): Found {
  const source = `file ${escapeHiddenLine(cutText(path, MAX_PATH_CHARS))}`;
  const read = readText(path, { maxBytes: MAX_FILE_BYTES });
  if ('problem' in read) return { problem: `${source} ${read.problem}` };
  // Editors and `echo` end a file with a line break that is no part of the secret; a second one would be.
  return { value: read.text.replace(/\r?\n$/, ''), source };
}

/** What editors fill in by themselves in such a file, and nothing here does. */
const EDITOR_VARIABLES = new Set(['userHome', 'workspaceFolder', 'workspaceFolderBasename', 'pathSeparator']);

export const INSTEAD_OF_INPUT = 'use an environment variable, ${NAME}, instead of ${input:...}';

const INPUT: Found = { problem: `nobody can be asked here; ${INSTEAD_OF_INPUT}` };
const UNKNOWN: Found = {
  problem:
    'this ${...} is not known here; write ${NAME}, ${NAME:-fallback}, ${env:NAME} or ${file:PATH}, or $${ for a plain ${',
};
const UNCLOSED: Found = { problem: 'a ${ is not closed; add }, or write $${ for a plain ${' };
const NESTED: Found = { problem: 'a ${ stands inside another one; use one variable for the whole' };
