import type { ChangePolicy, DownstreamConfig } from './config.ts';
import { readHttp } from './http.ts';
import { judgeKey, judgePrefix, prefixFromKey } from './prefix.ts';
import type { Place } from './problems.ts';
import type { Reading, Server } from './reading.ts';
import { DEFAULTS } from './schema.ts';
import { checkKind } from './server-kind.ts';
import { readStdio } from './stdio.ts';
import { readFilter, readToolShaping } from './tool-shaping.ts';

/** One entry of `mcpServers`; undefined when something that was reported keeps it from being one. */
export function readServer(
  key: string,
  server: Server,
  at: Place,
  reading: Reading,
  definitionChanges: ChangePolicy,
): DownstreamConfig | undefined {
  const keyProblem = judgeKey(key);
  if (keyProblem !== undefined) reading.report(at, keyProblem);
  const kind = checkKind(server, at, reading.report);
  const prefix = readPrefix(key, server, at, reading);
  const description = reading.expander.expand(server.description, [...at, 'description']);
  const tools = readToolShaping(server.tools, [...at, 'tools'], reading);
  const filterOf = (what: 'prompts' | 'resources') =>
    server[what] && readFilter(server[what], what, [...at, what], reading.report);
  const http = kind === 'stdio' ? undefined : readHttp(server, at, reading);
  const stdio = kind === 'http' ? undefined : readStdio(server, at, reading);
  const transport = http ?? stdio;
  if (prefix === undefined || transport === undefined) return undefined;
  return {
    key,
    prefix,
    description,
    passesInstructions: server.passInstructions ?? false,
    definitionChanges: server.definitionChanges ?? definitionChanges,
    passMeta: readPassMeta(server, [...at, 'passMeta'], reading),
    priority: server.priority ?? 0,
    connectTimeoutMs: server.connectTimeoutMs,
    listTimeoutMs: server.listTimeoutMs ?? DEFAULTS.listTimeoutMs,
    callTimeoutMs: server.callTimeoutMs,
    maxCallMs: server.maxCallMs,
    joinsRepeats: server.joinRepeats ?? true,
    repeatGraceMs: server.repeatGraceMs ?? DEFAULTS.repeatGraceMs,
    trustsHints: server.trustHints ?? false,
    maxInFlight: server.maxInFlight,
    maxQueue: server.maxQueue,
    tools,
    prompts: filterOf('prompts'),
    resources: filterOf('resources'),
    ...transport,
  };
}

function readPrefix(key: string, server: Server, at: Place, reading: Reading): string | undefined {
  const prefixAt = [...at, 'prefix'];
  const given = Object.hasOwn(server, 'prefix');
  const prefix = given ? reading.expander.expand(server.prefix ?? '', prefixAt) : prefixFromKey(key);
  const problem = prefix === undefined ? undefined : judgePrefix(prefix);
  if (problem === undefined) return prefix;
  if (given) reading.report(prefixAt, problem);
  else reading.report(at, 'has a name too long for a prefix; set prefix, with at most 32 characters');
  return undefined;
}

function readPassMeta({ passMeta = [] }: Server, at: Place, { report }: Reading): readonly string[] {
  return passMeta.filter((glob, index): glob is string => {
    if (glob === '') report([...at, index], 'is empty; name a key, as in "openai/*"');
    return glob !== undefined && glob !== '';
  });
}
