import type { Readable, Writable } from 'node:stream';
import { Allowance } from './caller/allowance.ts';
import type { AuditLines } from './caller/audit-lines.ts';
import { createDispatcher } from './caller/dispatch.ts';
import { type Front, openFront } from './caller/front.ts';
import { createObserver } from './caller/observer.ts';
import { createSelector } from './caller/selection.ts';
import { createSessions, SESSION_TTL_MS } from './caller/sessions.ts';
import { serveStdio } from './caller/stdio.ts';
import { createAcceptance } from './catalog/acceptance.ts';
import { openCatalogFile } from './catalog/catalog-file.ts';
import { createCatalogHolder } from './catalog/holder.ts';
import type { Catalog } from './catalog/merge.ts';
import type { Config } from './config/config.ts';
import { deferred } from './downstream/deferred.ts';
import { createFleet } from './downstream/fleet.ts';
import type { DownstreamStatus } from './downstream/status.ts';
import { within } from './downstream/within.ts';
import { createSecrets, type Logger, type Secrets } from './log.ts';
import { createParked } from './relay/parked.ts';
import { createSeal } from './relay/seal.ts';
import { TASK_TTL_MS } from './relay/tasks.ts';
import { IMPLEMENTATION } from './version.ts';

export { ConfigError } from './config/config-error.ts';
// What a program needs that has the gateway in itself.
export { loadConfig } from './config/load.ts';
export { createLog, createSecrets } from './log.ts';

export interface GatewayOptions {
  log: Logger;
  /** The one bearer of every caller over HTTP. */
  token: string;
  /** What nothing of ours may show; the same as the log has. Default: those of the configuration and the token. */
  secrets?: Secrets;
  /** Where lines about calls go, unless the configuration names a file. Default: where the log goes. */
  auditLines?: AuditLines | undefined;
  /** False: the file of lists is read for what was accepted, and left as it is. */
  keepsLists?: boolean;
}

export interface GatewayStatus {
  version: string;
  tools: number;
  downstreams: Record<string, DownstreamStatus>;
  notes: Catalog['notes'];
}

/** What is not over yet, in numbers: all 0 where nobody waits for anything. */
export interface Waiting {
  /** HTTP requests of callers. */
  requests: number;
  calls: number;
  /** Calls whose caller is thinking about a question. */
  parked: number;
  listeners: number;
  /** Requests that downstreams have not answered. */
  downstream: number;
}

/** One MCP server in front of many. */
export interface Gateway {
  /** Resolves when every downstream was tried once, however long that takes. */
  readonly attempted: Promise<void>;
  /** Begins to connect to the downstreams; `listen` and `serveStdio` do so themselves. */
  start(): void;
  readonly catalog: Catalog;
  status(): GatewayStatus;
  waiting(): Waiting;
  /** Serves callers over HTTP. */
  listen(address: { host: string; port: number }): Promise<Front>;
  /**
   * Serves one caller over a pipe; resolves when it has left.
   *
   * @param url  what it would ask for over HTTP: `/mcp/<toolset>`, `/mcp?profile=claude`; default `/mcp`
   */
  serveStdio(input: Readable, output: Writable, url?: string): Promise<void>;
  close(): Promise<void>;
}

/** How long a list waits for slow downstreams after the first start ever: LiveKit gives up on any request after 5 s. */
const COLD_START_MS = 2500;

/** How long a caller may take to come back with an answer. */
const STATE_TTL_MS = 15 * 60_000;

/** Puts the parts together. Nothing connects or listens yet. */
export function createGateway(config: Config, options: GatewayOptions): Gateway {
  const { log, token } = options;
  const { limits } = config;
  const { redact } = options.secrets ?? createSecrets([...config.secrets, token]);
  const holder = createCatalogHolder(log, config);
  const select = createSelector(config);
  const catalogFile = openCatalogFile(config.catalogFile, config.downstreams, log, options.keepsLists);
  const acceptance = createAcceptance(catalogFile.accepted, log);
  const onListing = () => {
    updateCatalog();
    dispatcher.catalogChanged();
    catalogFile.save(fleet.downstreams, acceptance.acceptedOf);
  };
  const updateCatalog = () => holder.update(fleet.downstreams.map(acceptance.sourceOf));
  const fleet = createFleet(config, log, catalogFile.restored, onListing);
  // What is known from an earlier run is served from the first moment, and instructions name every server.
  updateCatalog();
  if (config.downstreams.some(({ definitionChanges }) => definitionChanges === 'block')) {
    catalogFile.watch((approved) => acceptance.adopt(approved) && onListing());
  }
  const observer = createObserver({
    log,
    redact,
    audit: config.audit,
    configFile: config.file,
    lines: options.auditLines,
  });
  const parked = createParked();
  const sessions = createSessions(createSeal(token, 'session', SESSION_TTL_MS), limits);
  const settled = deferred<void>();
  let isSettled = false;
  let isStarted = false;
  const dispatcher = createDispatcher({
    catalog: holder,
    settled: settled.promise,
    isSettled: () => isSettled,
    rounds: {
      seal: createSeal(token, 'requestState', STATE_TTL_MS),
      tasks: createSeal(token, 'task', TASK_TTL_MS),
      parked,
    },
    maxListeners: limits.maxListeners,
    wantLogs(level) {
      for (const { wishes } of fleet.downstreams) wishes.wantLogs(level);
    },
    observer,
    redact,
    onUnexpected: (err) =>
      log.error({ event: 'unexpected', err }, 'a request failed by a fault of the gateway'),
  });
  /** They all have the one token: to us they are one. */
  const allowance = new Allowance(limits);
  const fronts: Front[] = [];
  function start(): void {
    if (isStarted) return;
    isStarted = true;
    fleet.start();
    const onSettled = () => {
      isSettled = true;
      settled.resolve();
    };
    // What is known is answered at once; of the rest callers hear when it comes.
    if (fleet.downstreams.some(({ listing }) => listing !== undefined)) onSettled();
    else void within(COLD_START_MS, fleet.attempted).then(onSettled);
  }

  function status(): GatewayStatus {
    const known: GatewayStatus = {
      version: IMPLEMENTATION.version,
      tools: holder.current.generic.routes.size,
      downstreams: Object.fromEntries(
        fleet.downstreams.map((downstream) => [downstream.key, downstream.status()]),
      ),
      notes: holder.current.notes,
    };
    // In names, warnings and last words a server can say what it was told.
    return JSON.parse(redact(JSON.stringify(known)));
  }

  return {
    attempted: fleet.attempted,
    start,
    get catalog() {
      return holder.current;
    },
    status,
    waiting: () => ({
      requests: fronts.reduce((sum, { running }) => sum + running, 0),
      ...dispatcher.waiting,
      parked: parked.size,
      downstream: fleet.downstreams.reduce((sum, { running }) => sum + running, 0),
    }),
    async listen({ host, port }) {
      const front = await openFront({
        host,
        port,
        token,
        allowedHosts: config.allowedHosts,
        allowance,
        limits,
        select,
        dispatcher,
        sessions,
        legacySse: config.legacySse,
        isReady: () => isSettled,
        status,
        metrics: observer.measure({
          downstreams: () => fleet.downstreams,
          exposedTools: () => holder.current.generic.routes.size,
        }),
      });
      fronts.push(front);
      // Only now: where the port is taken, no process should have been started for nothing.
      start();
      return front;
    },
    serveStdio(input, output, url = '/mcp') {
      const selection = select(url, undefined);
      if ('refusal' in selection) throw new Error(selection.refusal);
      start();
      return serveStdio(dispatcher, selection, input, output, limits);
    },
    async close() {
      dispatcher.close();
      sessions.close();
      parked.close();
      await Promise.all(fronts.map((front) => front.close()));
      await fleet.close();
      await Promise.all([catalogFile.close(), observer.close()]);
    },
  };
}
