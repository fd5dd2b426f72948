import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, release, type } from 'node:os';
import { join } from 'node:path';
import { projectDirectory } from './processes.ts';

/** What the figures depend on. No name, no path. */
export async function describeMachine(core: number | undefined): Promise<string[]> {
  const cores = availableParallelism();
  return [
    `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${cores} core${cores === 1 ? '' : 's'}, ${arch()}, ${type()} ${release()}`,
    core === undefined
      ? 'processes not pinned to a core'
      : 'all processes pinned to one core (gateway, load generator and downstreams share it)',
    `Node ${process.version}, undici ${await versionOf('undici')}, @modelcontextprotocol/server ${await versionOf('@modelcontextprotocol/server')} and client ${await versionOf('@modelcontextprotocol/client')}`,
  ];
}

async function versionOf(name: string): Promise<string> {
  const text = await readFile(join(projectDirectory, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
