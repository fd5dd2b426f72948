import { resolve } from 'node:path';
import type { StdioDownstreamConfig } from './config.ts';
import type { Place } from './problems.ts';
import type { Reading, Server } from './reading.ts';

export type StdioPart = Pick<StdioDownstreamConfig, 'kind' | 'command' | 'args' | 'env' | 'cwd'>;

/** What is particular to a server that is started here. */
export function readStdio(server: Server, at: Place, reading: Reading): StdioPart | undefined {
  const command = readText(server.command, [...at, 'command'], reading, 'needed');
  const args = (server.args ?? []).map((arg, position) => readText(arg, [...at, 'args', position], reading));
  const env = readEnv(server.env, [...at, 'env'], reading);
  const cwd = readText(server.cwd, [...at, 'cwd'], reading, 'needed');
  if (command === undefined) return undefined;
  return {
    kind: 'stdio',
    command,
    args: args.filter((arg) => arg !== undefined),
    env,
    cwd: cwd && resolve(reading.directory, cwd),
  };
}

function readEnv(env: Server['env'], at: Place, reading: Reading): Record<string, string> {
  const variables: [string, string][] = [];
  for (const [name, written] of Object.entries(env ?? {})) {
    const value = readText(written, [...at, name], reading);
    if (!/^[^=\0]+$/.test(name)) reading.report([...at, name], 'is not a name for a variable; remove the =');
    else if (value !== undefined) variables.push([name, value]);
  }
  return Object.fromEntries(variables);
}

/** Node refuses to start a process with a NUL in any of its texts, with a message that quotes the text. */
function readText(
  written: string | undefined,
  at: Place,
  { expander, report }: Reading,
  content: 'needed' | 'optional' = 'optional',
): string | undefined {
  const value = expander.expand(written, at);
  if (value === undefined) return undefined;
  if (value === '' && content === 'needed') report(at, 'is empty');
  else if (value.includes('\0')) report(at, `has a NUL at character ${value.indexOf('\0') + 1}; remove it`);
  else return value;
  return undefined;
}
