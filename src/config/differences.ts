import { isDeepStrictEqual } from 'node:util';
import type { Config, DownstreamConfig, Limits } from './config.ts';

/** What a configuration has that another had not, by name and never by value. */
export interface Differences {
  /** Keys of downstreams. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** They are connected to in another way, or as somebody else. */
  readonly reconnected: readonly string[];
  /** They are connected to as before, and shown otherwise. */
  readonly reshaped: readonly string[];
  /** Keys of the file beside its servers. */
  readonly settings: readonly string[];
  /** The same of what counts only at the next start, and is not what has counted since the last one. */
  readonly nextStart: readonly string[];
}

/** @param first  what was in force at the start */
export function differencesOf(before: Config, after: Config, first = before): Differences {
  const old = byKey(before);
  const fresh = byKey(after);
  const common = [...fresh.keys()].filter((key) => old.has(key));
  const pairs = common.map((key) => [old.get(key), fresh.get(key)] as [DownstreamConfig, DownstreamConfig]);
  const hasOtherLink = ([was, is]: (typeof pairs)[number]) =>
    !isDeepStrictEqual(connectionFacts(was, before.limits), connectionFacts(is, after.limits));
  return {
    added: [...fresh.keys()].filter((key) => !old.has(key)),
    removed: [...old.keys()].filter((key) => !fresh.has(key)),
    reconnected: pairs.filter(hasOtherLink).map(([{ key }]) => key),
    reshaped: pairs
      .filter((pair) => !hasOtherLink(pair) && !isDeepStrictEqual(...pair))
      .map(([{ key }]) => key),
    settings: settingsOf(before, after),
    nextStart: nextStartOf(first, after),
  };
}

export const NO_DIFFERENCES: Differences = {
  added: [],
  removed: [],
  reconnected: [],
  reshaped: [],
  settings: [],
  nextStart: [],
};

export function isSame(differences: Differences): boolean {
  return Object.values(differences).every((keys: readonly string[]) => keys.length === 0);
}

/** What a reload of `first` to `fresh` leaves in force in processes that begin now: see `nextStartOf`. */
export function untilNextStart(first: Config, fresh: Config): Config {
  const { audit, limits } = first;
  return { ...fresh, audit, limits: { ...fresh.limits, maxHeaderBytes: limits.maxHeaderBytes } };
}

const byKey = ({ downstreams }: Config) => new Map(downstreams.map((each) => [each.key, each]));

/** All but what decides merely how it is shown and asked: a field that is new here is taken for one of the connection. */
function connectionFacts(config: DownstreamConfig, limits: Limits): object {
  const {
    prefix: _prefix,
    description: _description,
    passesInstructions: _passesInstructions,
    passMeta: _passMeta,
    priority: _priority,
    connectTimeoutMs: _connectTimeoutMs,
    callTimeoutMs: _callTimeoutMs,
    maxCallMs: _maxCallMs,
    listTimeoutMs: _listTimeoutMs,
    joinsRepeats: _joinsRepeats,
    repeatGraceMs: _repeatGraceMs,
    trustsHints: _trustsHints,
    maxInFlight: _maxInFlight,
    maxQueue: _maxQueue,
    definitionChanges: _definitionChanges,
    tools: _tools,
    prompts: _prompts,
    resources: _resources,
    ...facts
  } = config;
  return { ...facts, ...linkLimitsOf(config, limits) };
}

/** What a connection to it holds on to from its beginning. */
function linkLimitsOf({ kind, maxInFlight, connectTimeoutMs }: DownstreamConfig, limits: Limits): object {
  const { maxResultBytes, maxNoticesPerSecond, maxLineBytes, maxEventBytes } = limits;
  const itsOwn =
    kind === 'stdio'
      ? { maxLineBytes }
      : { maxEventBytes, maxInFlight: maxInFlight ?? limits.maxInFlight, connectTimeoutMs };
  return { maxResultBytes, maxNoticesPerSecond, ...itsOwn };
}

function settingsOf(before: Config, after: Config): string[] {
  const plain = ({
    file: _file,
    downstreams: _downstreams,
    secrets: _secrets,
    audit: _,
    ...rest
  }: Config) => ({
    ...rest,
    limits: { ...rest.limits, maxHeaderBytes: undefined },
  });
  const [was, is] = [plain(before), plain(after)] as Record<string, unknown>[];
  const keys = new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})]);
  const changed = [...keys].filter((key) => !isDeepStrictEqual(was?.[key], is?.[key]));
  return isReordered(before, after) ? ['mcpServers', ...changed] : changed;
}

/** What a process holds on to from its beginning: the record of calls, and what Node's server is made with. */
function nextStartOf(first: Config, after: Config): string[] {
  const isOther = first.limits.maxHeaderBytes !== after.limits.maxHeaderBytes;
  return [
    ...(isDeepStrictEqual(first.audit, after.audit) ? [] : ['audit']),
    ...(isOther ? ['limits.maxHeaderBytes'] : []),
  ];
}

/** Their order is that of the list. */
function isReordered(before: Config, after: Config): boolean {
  const [was, is] = [byKey(before), byKey(after)];
  const common = (from: typeof was, other: typeof was) => [...from.keys()].filter((key) => other.has(key));
  return !isDeepStrictEqual(common(was, is), common(is, was));
}
