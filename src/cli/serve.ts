import './one-undici.ts';
import { isatty } from 'node:tty';
import type { Env } from '../config/expand.ts';
import type { Pipes } from '../config/read-text.ts';
import { createGateway } from '../gateway.ts';
import { createSecrets } from '../log.ts';
import { tuneCollector } from './collector.ts';
import { DEFAULT_PORT, HIGHEST_PORT, readNumber } from './environment.ts';
import { guardProcess } from './guard.ts';
import { auditLinesBesideLog, openConfig, openLog } from './open.ts';
import { type ReadSettings, readWithFiles, reloadOnChange, type Settings } from './reloading.ts';
import { stderr } from './stderr.ts';
import { chooseToken, chooseTokenAgain } from './token.ts';
import { UsageError } from './usage-error.ts';
import { selectionUrl, type ViewOptions } from './view.ts';
import { createWorkers } from './workers.ts';

export interface ServeOptions extends ViewOptions {
  config?: string;
  host?: string;
  port?: string;
  stdio?: boolean;
  workers?: string;
}

type OnFile = (path: string) => void;
type Environment = (onFile?: OnFile) => Env;

const DEFAULT_HOST = '127.0.0.1';
const MAX_WORKERS = 64;
/** npm passes on what a terminal, or systemd, tells each process itself. Nobody is so soon out of patience. */
const ECHO_MS = 300;

/**
 * Serves until it is told to stop; resolves with the exit code: 1 where calls had to be cut.
 *
 * @param environment  read anew each time; told which file it looks for
 */
export async function serve(options: ServeOptions, environment: Environment): Promise<number> {
  return options.stdio === true ? serveOnStdio(options, environment) : serveOnHttp(options, environment);
}

async function serveOnHttp(options: ServeOptions, environment: Environment): Promise<number> {
  if (options.for !== undefined || options.toolset !== undefined) {
    throw new UsageError(
      '--for and --toolset go with --stdio.\nOver HTTP a caller asks for /mcp/<toolset>?profile=<profile>.',
    );
  }
  const env = environment();
  const host = options.host || env.HOST || DEFAULT_HOST;
  const port = readNumber({ '--port': options.port, PORT: env.PORT }, 0, HIGHEST_PORT) ?? DEFAULT_PORT;
  const count = readNumber({ '--workers': options.workers, WORKERS: env.WORKERS }, 1, MAX_WORKERS) ?? 1;
  const { token, isGenerated } = chooseToken(env, host);
  let inForce = token;
  const running = run(
    environment,
    (env, onFile, pipes) => {
      const config = openConfig(options.config, env, onFile, pipes);
      inForce = chooseTokenAgain(env, host, inForce);
      return { config, token: inForce };
    },
    { host, count },
  );
  const { gateway, log } = running;
  try {
    const { url } = await gateway.listen({ host, port });
    running.workers?.start(gateway.member);
    log.info({ event: 'listening', url }, `MCP is served at ${url}`);
    // The one place where a secret is printed: without it nobody could call. Never through the log, which is kept.
    if (isGenerated) process.stderr.write(generatedTokenNotice(token, url));
  } catch (error) {
    await running.close();
    throw listenError(error, host, port);
  }
  await running.stopped;
  return running.close();
}

async function serveOnStdio(options: ServeOptions, environment: Environment): Promise<number> {
  if ([options.host, options.port, options.workers].some((option) => option !== undefined)) {
    throw new UsageError(
      '--host, --port and --workers are for callers over HTTP.\n--stdio serves the one that starts it, over its pipes.',
    );
  }
  const running = run(environment, (env, onFile, pipes) => {
    const config = openConfig(options.config, env, onFile, pipes);
    selectionUrl(config, options);
    // Whoever started the process is its caller: there is no one else to ask for a token.
    return { config, token: '' };
  });
  const { gateway } = running;
  const served = gateway.serveStdio(process.stdin, process.stdout, selectionUrl(running.config, options));
  await Promise.race([served, running.stopped]);
  const code = await running.close();
  // Where the caller did not close its end, reading on would keep this process running.
  process.stdin.destroy();
  return code;
}

/** A gateway that follows its files from now on, and signals. Of one that listens: where, and in how many processes. */
function run(
  environment: Environment,
  readFrom: (env: Env, onFile: OnFile, pipes: Pipes) => Settings,
  { host, count } = { host: '', count: 1 },
) {
  tuneCollector();
  const pipes: Pipes = new Map();
  const read: ReadSettings = (onFile) => readFrom(environment(onFile), onFile, pipes);
  const { files, settings } = readWithFiles(read);
  if (settings instanceof Error) throw settings;
  const { config, token } = settings;
  const secrets = createSecrets([...config.secrets, token]);
  const log = openLog(environment(), secrets);
  guardProcess(log);
  const workers =
    count > 1
      ? createWorkers(count, { config, token, host, level: log.level }, log, () =>
          reloading.reloadIfChanged(),
        )
      : undefined;
  const gateway = createGateway(config, {
    ...{ log, token, secrets },
    auditLines: auditLinesBesideLog(),
    onCredentialsRefused: () => reloading.reloadIfChanged(),
    ...(workers !== undefined && { processes: workers.processes }),
  });
  const reloading = reloadOnChange(gateway, { files, settings }, read, log);
  return {
    gateway,
    workers,
    log,
    config,
    stopped: stopSignal(reloading.reload).then((signal) => {
      const { drainMs } = reloading.config;
      log.info(
        { event: 'stopping', signal },
        `${signal}: running calls have ${drainMs} ms, a second one ends them`,
      );
    }),
    /** @returns the exit code */
    async close(): Promise<number> {
      reloading.close();
      const { drainMs } = reloading.config;
      const cut = await gateway.close(drainMs);
      workers?.close();
      if (cut > 0)
        log.warn({ event: 'cut', calls: cut }, `${cut} calls had no answer when the time was over`);
      const code = cut > 0 ? 1 : 0;
      // What is left for a reader that does not read would keep this process for ever.
      if (!(await stderr.drained())) process.exit(code);
      return code;
    },
  };
}

/** @param onHangup  told to read the files again */
function stopSignal(onHangup: () => void): Promise<NodeJS.Signals> {
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  return new Promise((resolve) => {
    let asked: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
    const stop = (signal: NodeJS.Signals) => {
      const at = performance.now();
      // Asked a second time, it is at once.
      if (asked !== undefined && (signal !== asked.signal || at - asked.at > ECHO_MS)) process.exit(1);
      asked ??= { signal, at };
      resolve(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
    process.on('SIGHUP', () => {
      // The same signal tells that the window was closed in which it ran.
      if (terminals.some((descriptor) => !isatty(descriptor))) stop('SIGHUP');
      else if (asked === undefined) onHangup();
    });
  });
}

/** EINVAL: it is one of a link, and names none (`fe80::1`). EAFNOSUPPORT: there is no IPv6. */
const NO_ADDRESS = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL', 'EAFNOSUPPORT'];

function listenError(error: unknown, host: string, port: number): unknown {
  const { code } = error as { code?: string };
  if (code === 'EADDRINUSE') {
    return new UsageError(`Port ${port} on ${host} is in use. Choose another with --port or PORT.`);
  }
  if (code === 'EACCES')
    return new UsageError(`Port ${port} needs more rights. Choose one above 1023 with --port or PORT.`);
  if (NO_ADDRESS.includes(code ?? '')) {
    return new UsageError(`${host} is not an address of this machine.\nChoose another with --host or HOST.`);
  }
  return error;
}

function generatedTokenNotice(token: string, url: string): string {
  return [
    '',
    'No SWITCHBOARD_TOKEN is set in the environment, or in .env in the working',
    'directory, so one was made for this run:',
    '',
    `    ${url}`,
    `    Authorization: Bearer ${token}`,
    '',
    'Set it in one of them to keep it the same.',
    '',
    '',
  ].join('\n');
}
