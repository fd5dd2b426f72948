import type { DownstreamConfig, ToolOverride } from '../config/config.ts';
import type { Downstream } from '../downstream/downstream.ts';
import type { Listed, Listing } from '../downstream/lists/listing.ts';
import { isObject } from '../protocol/messages.ts';
import type { ParamHeader } from '../protocol/param-headers.ts';
import { type ArgumentRules, shapeArguments } from './arguments.ts';
import type { CallTiming } from './call-timing.ts';
import { clean } from './clean.ts';
import { describeOverride } from './describe-override.ts';
import { findIdle, lets } from './glob.ts';
import { findTooLong, judgeTool } from './judge-tool.ts';

/** A tool that its operator lets through, as the operator wants it, whoever asks. */
export interface OfferedTool {
  readonly downstream: Downstream;
  readonly originalName: string;
  /** What stands behind the prefix. */
  readonly publicName: string;
  readonly tool: Listed;
  readonly priority: number;
  /** Words in its own definition, as its downstream wrote it, that look like names of tools. */
  readonly words: ReadonlySet<string>;
  /** Arguments that the downstream wants mirrored into headers, by the names it gives them. */
  readonly paramHeaders: readonly ParamHeader[];
  /** What becomes of a caller's arguments; undefined where they go on as they are. */
  readonly argumentRules: ArgumentRules | undefined;
  readonly callTimeoutMs: number | undefined;
  /** Its calls may be sent again, by the word of the operator or of a server whose hints the operator trusts. */
  readonly retries: boolean;
  /** A call that its caller repeats is not run twice: it may write, for all that the operator says. */
  readonly joinsRepeats: boolean;
  /** What its operator made of it, each to stand after its name. */
  readonly overrides: readonly string[];
}

/** The same under an exposed name, as one kind of caller meets it: where a call goes, and what becomes of it on the way. */
export interface ToolRoute
  extends Pick<
    OfferedTool,
    'downstream' | 'originalName' | 'paramHeaders' | 'argumentRules' | 'retries' | 'joinsRepeats'
  > {
  readonly exposedName: string;
  /** Why it is not exposed by its original name, behind its prefix; undefined where it is. */
  readonly whyRenamed: string | undefined;
  /** The `paramHeaders` as the caller was told to mirror them. */
  readonly exposedParamHeaders: readonly ParamHeader[];
  readonly timing: CallTiming;
  /** The tool as the caller sees it. */
  readonly tool: Listed;
  /** What was made of it, by its operator and for this caller, each to stand after its name. */
  readonly changes: readonly string[];
}

/** Something about what a downstream offers that its operator should know. */
export interface CatalogNote {
  /** Undefined where it is about a toolset or a profile. */
  readonly downstream: string | undefined;
  /** The tool's name; of another kind, the kind and its name or URI. */
  readonly tool: string;
  /** To stand after the tool's name. */
  readonly note: string;
}

export interface CatalogSource {
  readonly downstream: Downstream;
  /** Undefined while the downstream has not given one yet. */
  readonly list: Listing | undefined;
  /** What is already known about it. */
  readonly notes?: readonly CatalogNote[];
}

/**
 * The tools of one downstream that can be offered, by name. One bad tool costs one tool.
 *
 * @param notes     gets what its operator should know
 * @param setAside  gets those of the notes that tell of a tool that nobody can be offered
 */
export function offerTools(
  { downstream, list }: CatalogSource,
  notes: CatalogNote[],
  setAside: CatalogNote[],
): OfferedTool[] {
  if (list === undefined) return [];
  const { tools: shaping } = downstream.config;
  const offered = new Map<string, OfferedTool>();
  const seen = new Set<string>();
  /** Those that cannot be offered as well. */
  const listed = new Set<string>();
  for (const [index, given] of list.tools.entries()) {
    const shown = typeof given.name === 'string' ? given.name : `#${index + 1}`;
    const addNote = (note: string) => void notes.push({ downstream: downstream.key, tool: shown, note });
    const leaveOut = (note: string) => {
      addNote(note);
      setAside.push({ downstream: downstream.key, tool: shown, note });
    };
    listed.add(shown);
    const judgement = judgeTool(given, list);
    if ('fault' in judgement) {
      // What the operator does not want is no news to him when it is broken.
      if (lets(shaping, shown)) leaveOut(judgement.fault);
      continue;
    }
    const { name, paramHeaders } = judgement;
    if (seen.has(name)) {
      addNote('is listed twice; the first one counts.');
      continue;
    }
    seen.add(name);
    const override = shaping.overrides.get(name);
    if (!lets(shaping, name) || override?.enabled === false) continue;
    const { item: tool, notes: changes, fault, words } = clean(given, 'name');
    if (fault !== undefined) {
      leaveOut(fault);
      continue;
    }
    for (const change of changes) addNote(change);
    const applied = applyOverride(tool, override, addNote);
    if ('fault' in applied) {
      leaveOut(applied.fault);
      continue;
    }
    offered.set(name, {
      downstream,
      originalName: name,
      publicName: override?.rename ?? name,
      priority: override?.priority ?? downstream.config.priority,
      paramHeaders,
      callTimeoutMs: override?.callTimeoutMs,
      words,
      ...applied,
      ...judgeRepeats(tool, override, downstream.config),
    });
  }
  for (const [name, { enabled }] of shaping.overrides) {
    if (listed.has(name) && (lets(shaping, name) || !enabled)) continue;
    const note = listed.has(name)
      ? 'has an override in tools.overrides, and tools.include or tools.exclude leaves it out.'
      : 'has an override in tools.overrides, and the server lists no such tool.';
    notes.push({ downstream: downstream.key, tool: name, note });
  }
  for (const glob of findIdle(shaping, listed)) {
    const note = 'stands in tools.include or tools.exclude, and matches no tool of the server.';
    notes.push({ downstream: downstream.key, tool: glob, note });
  }
  return [...offered.values()].sort((a, b) => (a.originalName < b.originalName ? -1 : 1));
}

function judgeRepeats(
  { annotations }: Listed,
  override: ToolOverride | undefined,
  { trustsHints, joinsRepeats }: DownstreamConfig,
): Pick<OfferedTool, 'retries' | 'joinsRepeats'> {
  const hints = { ...(trustsHints && isObject(annotations) && annotations), ...override?.annotations };
  const mayRepeat = trustsHints && (hints.readOnlyHint === true || hints.idempotentHint === true);
  const retries = override?.retries === true || mayRepeat;
  return { retries, joinsRepeats: joinsRepeats && !retries && hints.readOnlyHint !== true };
}

type Overridden = Pick<OfferedTool, 'tool' | 'argumentRules' | 'overrides'>;

function applyOverride(
  given: Listed,
  override: ToolOverride | undefined,
  addNote: (note: string) => void,
): Overridden | { readonly fault: string } {
  if (override === undefined) return { tool: given, argumentRules: undefined, overrides: [] };
  const { title, description, annotations } = override;
  const shaped = shapeArguments(given.inputSchema as Record<string, unknown>, override.arguments);
  if ('fault' in shaped) return { fault: `is left out: with its overrides, ${shaped.fault}.` };
  for (const note of shaped.notes) addNote(note);
  const tool: Listed = {
    ...given,
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(annotations !== undefined && {
      annotations: { ...(given.annotations as object | undefined), ...annotations },
    }),
    inputSchema: shaped.inputSchema,
  };
  const tooLong = findTooLong(tool, 'with its overrides its definition has');
  if (tooLong !== undefined) return { fault: tooLong };
  return { tool, argumentRules: shaped.rules, overrides: describeOverride(override, shaped.kept) };
}
