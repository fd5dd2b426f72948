import { createGateway, type Gateway } from '../gateway.ts';
import { createSecrets } from '../log.ts';
import type { Env } from './environment.ts';
import { auditLinesBesideLog, openConfig, openLog } from './open.ts';
import { stderr } from './stderr.ts';
import { chooseToken } from './token.ts';
import { UsageError } from './usage-error.ts';
import { selectionUrl, type ViewOptions } from './view.ts';

export interface ServeOptions extends ViewOptions {
  config?: string;
  host?: string;
  port?: string;
  stdio?: boolean;
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = '8080';

/** Serves until it is told to stop; resolves with the exit code. */
export async function serve(options: ServeOptions, env: Env): Promise<number> {
  return options.stdio === true ? serveOnStdio(options, env) : serveOnHttp(options, env);
}

async function serveOnHttp(options: ServeOptions, env: Env): Promise<number> {
  if (options.for !== undefined || options.toolset !== undefined) {
    throw new UsageError(
      '--for and --toolset go with --stdio.\nOver HTTP a caller asks for /mcp/<toolset>?profile=<profile>.',
    );
  }
  // Compose files and container platforms pass what nobody set as an empty text.
  const host = options.host || env.HOST || DEFAULT_HOST;
  const port = readPort(options.port || env.PORT || DEFAULT_PORT);
  const { token, isGenerated } = chooseToken(env, host);
  const config = openConfig(options.config, env);
  const secrets = createSecrets([...config.secrets, token]);
  const log = openLog(env, secrets);
  const gateway = createGateway(config, { log, token, secrets, auditLines: auditLinesBesideLog() });
  try {
    const { url } = await gateway.listen({ host, port });
    log.info({ event: 'listening', url }, `MCP is served at ${url}`);
    // The one place where a secret is printed: without it nobody could call. Never through the log, which is kept.
    if (isGenerated) process.stderr.write(generatedTokenNotice(token, url));
  } catch (error) {
    await gateway.close();
    throw listenError(error, host, port);
  }
  await stopSignal();
  return close(gateway);
}

async function serveOnStdio(options: ServeOptions, env: Env): Promise<number> {
  const config = openConfig(options.config, env);
  const url = selectionUrl(config, options);
  // Whoever started the process is its caller: there is no one else to ask for a token.
  const secrets = createSecrets(config.secrets);
  const log = openLog(env, secrets);
  const gateway = createGateway(config, {
    log,
    token: '',
    secrets,
    auditLines: auditLinesBesideLog(),
  });
  await Promise.race([gateway.serveStdio(process.stdin, process.stdout, url), stopSignal()]);
  // Where the caller did not close its end, reading on would keep this process running.
  process.stdin.destroy();
  return close(gateway);
}

async function close(gateway: Gateway): Promise<number> {
  await gateway.close();
  // What is left for a reader that does not read would keep this process for ever.
  if (!(await stderr.drained())) process.exit(0);
  return 0;
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let wasAsked = false;
    const stop = () => {
      // Asked a second time, it is at once.
      if (wasAsked) process.exit(1);
      wasAsked = true;
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  });
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`The port is "${text}"; it must be a number from 0 to 65535.`);
}

function listenError(error: unknown, host: string, port: number): unknown {
  const { code } = error as { code?: string };
  if (code === 'EADDRINUSE') {
    return new UsageError(`Port ${port} on ${host} is in use. Choose another with --port or PORT.`);
  }
  if (code === 'EACCES')
    return new UsageError(`Port ${port} needs more rights. Choose one above 1023 with --port or PORT.`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new UsageError(`${host} is not an address of this machine.\nChoose another with --host or HOST.`);
  }
  return error;
}

function generatedTokenNotice(token: string, url: string): string {
  return [
    '',
    'No SWITCHBOARD_TOKEN is set, so one was made for this run:',
    '',
    `    ${url}`,
    `    Authorization: Bearer ${token}`,
    '',
    'Set SWITCHBOARD_TOKEN (in the environment or in .env) to keep it the same.',
    '',
    '',
  ].join('\n');
}
