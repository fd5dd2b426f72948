import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import spawn from 'cross-spawn';
import type { StdioDownstreamConfig } from '../../config/config.ts';
import { within } from '../../promises.ts';

export type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** What a child gets of our environment. The rest may hold the secrets of other downstreams. */
const INHERITED_VARIABLES =
  process.platform === 'win32'
    ? [
        'APPDATA',
        'HOMEDRIVE',
        'HOMEPATH',
        'LOCALAPPDATA',
        'PATH',
        'PATHEXT',
        'PROCESSOR_ARCHITECTURE',
        'SYSTEMDRIVE',
        'SYSTEMROOT',
        'TEMP',
        'TMP',
        'USERNAME',
        'USERPROFILE',
        'PROGRAMFILES',
      ]
    : ['HOME', 'LANG', 'LC_ALL', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'TMPDIR', 'TZ', 'USER'];

/** How long a child may take over each step of leaving: closing its input, then SIGTERM, then SIGKILL. */
const GRACE_MS = 2000;

/** Process groups still alive, so that none outlives us however we end. */
const groups = new Set<number>();
process.on('exit', () => {
  for (const pid of groups) signalGroup(pid, 'SIGKILL');
});

/** Starts the command without a shell, as the leader of a process group of its own (its children are ours to end). */
export function startChild(config: StdioDownstreamConfig): Child {
  const env: Record<string, string> = {};
  for (const name of INHERITED_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  const child = spawn(config.command, [...config.args], {
    env: { ...env, ...config.env },
    cwd: config.cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  }) as Child;
  if (child.pid !== undefined) groups.add(child.pid);
  return child;
}

/** Ends the child and everything it started. Resolves when its process is gone. */
export async function stopChild(child: Child): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  const gone = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
  child.stdin.end();
  if (!(await within(GRACE_MS, gone))) {
    signalGroup(pid, 'SIGTERM');
    if (!(await within(GRACE_MS, gone))) signalGroup(pid, 'SIGKILL');
    await gone;
  }
  // The leader has left; what it started may not have.
  signalGroup(pid, 'SIGKILL');
  groups.delete(pid);
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    // Already gone, which is what was wanted.
  }
}
