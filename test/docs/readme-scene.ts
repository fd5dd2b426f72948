import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse as parseEnv } from 'dotenv';
import { type Child, startNode } from '../support/child.ts';
import { runCli, withoutWaiting } from '../support/cli.ts';
import { listenOnLoopback, type RecordedRequest, sendJson } from '../support/http-server.ts';
import { refusingPort } from '../support/refusing-port.ts';
import type { Block } from './markdown.ts';

export interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with README's own servers.json and .env, and the servers that stand in it. */
export interface Scene extends AsyncDisposable {
  readonly path: string;
  /** What `orders` received, which refuses all of it. */
  readonly refused: readonly RecordedRequest[];
  /** Runs the command there to its end. */
  run(args: readonly string[]): Promise<Output>;
  /** Starts it there; ended by whoever started it. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Child;
}

/** The blocks are README's. Only the addresses of the servers are replaced: by those of examples/ on this machine. */
export async function openScene(serversJson: Block, dotEnv: Block): Promise<Scene> {
  const path = await mkdtemp(join(tmpdir(), 'readme-'));
  const variables = parseEnv(dotEnv.text);
  const secret = 'the-billing-secret';
  // The examples do not say which port they got, so they cannot be given 0: these are held until they start.
  const held = { crm: await refusingPort(), billing: await refusingPort() };
  const ports = { crm: held.crm.port, billing: held.billing.port };
  const orders = await listenOnLoopback((_recorded, _req, res) =>
    sendJson(res, 401, { error: 'wrong password' }),
  );
  await Promise.all(Object.values(held).map(({ release }) => release()));
  const examples = [
    startExample('crm', { CRM_PORT: `${ports.crm}`, CRM_API_KEY: variables.CRM_API_KEY }),
    startExample('billing', {
      BILLING_PORT: `${ports.billing}`,
      BILLING_API_KEY: variables.BILLING_API_KEY,
      BILLING_CLIENT_ID: 'c-17',
      BILLING_CLIENT_SECRET: secret,
    }),
  ];
  await Promise.all(examples.map((example) => example.waitFor('stdout', /http:/)));

  const local = serversJson.text
    .replace('https://crm.example.com', `http://127.0.0.1:${ports.crm}`)
    .replace('https://billing.example.com', `http://127.0.0.1:${ports.billing}`)
    .replace('https://orders.example.com', orders.origin);
  await writeFile(join(path, 'servers.json'), local);
  await writeFile(join(path, '.env'), dotEnv.text);
  await writeFile(join(path, 'billing.secret'), `${secret}\n`);
  await writeFile(join(path, 'notes-server.js'), notesServer());

  return {
    path,
    refused: orders.requests,
    async run(args) {
      await using child = runCli(args, { cwd: path });
      const { code } = await child.exit;
      return { code, stdout: child.stdout, stderr: withoutWaiting(child.stderr) };
    },
    start: (args, env = {}) => runCli(args, { cwd: path, env }),
    async [Symbol.asyncDispose]() {
      await Promise.all([...examples, orders].map((each) => each[Symbol.asyncDispose]()));
      await rm(path, { recursive: true, force: true });
    },
  };
}

function startExample(name: string, env: Record<string, string | undefined>): Child {
  const preload = import.meta.resolve('tsx');
  return startNode(['--import', preload, fileURLToPath(exampleUrl(name))], {
    env: env as Record<string, string>,
  });
}

function exampleUrl(name: string): string {
  return new URL(`../../examples/${name}.ts`, import.meta.url).href;
}

/** JavaScript that is examples/notes.ts: the entry in README has no loader for TypeScript. */
function notesServer(): string {
  const [loader, parent, notes] = [import.meta.resolve('tsx/esm/api'), import.meta.url, exampleUrl('notes')];
  return `import('${loader}').then(({ tsImport }) => tsImport('${notes}', '${parent}'));\n`;
}
