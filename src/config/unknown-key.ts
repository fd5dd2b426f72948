import { INSTEAD_OF_INPUT } from './expand.ts';
import { nearest, plain } from './nearest.ts';
import { isObject, type Place } from './problems.ts';
import { knownKeys } from './schema.ts';

/**
 * What a person is told who wrote a key that is not known at this place.
 *
 * @param at     the object that the key stands in
 * @param value  what stands behind the key; its kind may tell what was meant, and it is never quoted
 */
export function judgeUnknownKey(at: Place, key: string, value: unknown): string {
  const isTop = at.length === 0;
  if (isTop && key === 'inputs') return `is not available here; ${INSTEAD_OF_INPUT}`;
  const known = knownKeys(at);
  const meant = elsewhere(key, known) ?? nearest(key, known);
  // Beside a tool's own name, "did you mean" would be a guess: no other key of tools has an object or a boolean.
  const isTool = isToolsOfServer(at) && meant !== 'overrides' ? toolByItsName(value) : undefined;
  if (isTool !== undefined) return `is not a key known here; ${isTool}`;
  if (meant !== undefined) return `is not a key known here; did you mean ${meant}?`;
  if (APPROVAL.has(plain(key))) return 'is not a key known here; no call waits for an approval, remove it';
  return `is not a key known here; ${isTop && looksLikeServer(value) ? 'move it into mcpServers' : 'remove it'}`;
}

/** `mcpServers.crm.tools`. */
function isToolsOfServer(at: Place): boolean {
  return at.length === 3 && at[2] === 'tools';
}

function toolByItsName(value: unknown): string | undefined {
  if (typeof value === 'boolean') return 'move it into overrides, as an object with enabled';
  return isObject(value) ? 'move it into overrides' : undefined;
}

function looksLikeServer(value: unknown): boolean {
  return isObject(value) && ('url' in value || 'command' in value);
}

/** What other programs call it, if that is known at this place: `tools.include` is where `tools` is. */
function elsewhere(key: string, known: readonly string[]): string | undefined {
  const candidates = ELSEWHERE.get(plain(key));
  return candidates?.find((candidate) => known.includes(candidate.split('.')[0] ?? ''));
}

const INCLUDE = ['include', 'tools.include'];
const EXCLUDE = ['exclude', 'tools.exclude'];
const OVERRIDES = ['overrides', 'tools.overrides'];

/** By their letters alone: `allowedTools` and `allowed_tools` are one. */
const ELSEWHERE: ReadonlyMap<string, readonly string[]> = new Map([
  ['transport', ['type']],
  ['transporttype', ['type']],
  ['timeout', ['callTimeoutMs']],
  ['enabled', ['disabled']],
  ['disabled', ['enabled']],
  ['httpheaders', ['headers']],
  ['token', ['authorization']],
  ['apikey', ['authorization']],
  ['key', ['name']],
  ['name', ['rename']],
  ['allow', INCLUDE],
  ['allowed', INCLUDE],
  ['allowlist', INCLUDE],
  ['allowedtools', INCLUDE],
  ['enabledtools', INCLUDE],
  ['includetools', INCLUDE],
  ['only', INCLUDE],
  ['tools', INCLUDE],
  ['deny', EXCLUDE],
  ['denied', EXCLUDE],
  ['denylist', EXCLUDE],
  ['block', EXCLUDE],
  ['blocked', EXCLUDE],
  ['disabledtools', EXCLUDE],
  ['excludetools', EXCLUDE],
  ['override', OVERRIDES],
  ['tooloverrides', OVERRIDES],
  ['args', ['arguments']],
  ['parameters', ['arguments']],
  ['inputschema', ['arguments']],
  ['value', ['set']],
  ['const', ['set']],
  ['fixed', ['set']],
  ...['readOnly', 'destructive', 'idempotent', 'openWorld'].flatMap((hint) => {
    const names = [`${hint}Hint`, `annotations.${hint}Hint`];
    return [hint, `${hint}Hint`].map((key): [string, string[]] => [plain(key), names]);
  }),
  ['extends', ['from']],
  ['base', ['from']],
]);

/** Lists of tools that a client runs without asking its person. */
const APPROVAL = new Set(['alwaysallow', 'autoapprove', 'requireapproval', 'trust']);
