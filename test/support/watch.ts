import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Gateway } from '../../src/gateway.ts';

// Every gateway that a test starts is watched: what leaves it towards its callers, what it logs, and what it still
// waits for when it has been closed. What is found is told after the test (every-test.ts).

const ESCAPE = 0x1b;

interface Watched {
  /** What must be in nothing that leaves. */
  readonly secrets: readonly string[];
  readonly what: string;
}

const ports = new Map<number, Watched>();
let problems: string[] = [];

/** What was found since it was last asked. */
export function takeProblems(): string[] {
  const taken = problems;
  problems = [];
  return taken;
}

export interface Watch {
  readonly secrets: readonly string[];
  /** Port of its callers. */
  readonly port: number;
  readonly logs: readonly string[];
}

/** Watches what leaves a gateway from now on. The function that is returned is called once it is closed. */
export function watchGateway(gateway: Gateway, { secrets, port, logs }: Watch): () => void {
  const long = secrets.filter((secret) => secret.length >= 6);
  ports.set(port, { secrets: long, what: 'an answer' });
  return () => {
    ports.delete(port);
    judge(Buffer.from(logs.join('\n')), { secrets: long, what: 'the log' });
    const waiting = Object.entries(gateway.waiting()).filter(([, count]) => count !== 0);
    for (const [what, count] of waiting) problems.push(`a closed gateway has ${what}: ${count}`);
  };
}

function judge(bytes: Buffer, { secrets, what }: Watched): void {
  if (bytes.includes(ESCAPE)) problems.push(`${what} has an escape byte in it`);
  if (secrets.some((secret) => bytes.includes(secret))) problems.push(`${what} has a secret in it`);
}

// Answers are written to their socket, whoever their caller is; a secret that a write cuts in two would not be seen.
subscribe('net.server.socket', (message) => {
  const { socket } = message as { socket: Socket };
  const watched = ports.get(socket.localPort ?? 0);
  if (watched === undefined) return;
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean;
  socket.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    judge(Buffer.from(chunk as Uint8Array), watched);
    return write(chunk, ...rest);
  };
});
