import type { Readable, Writable } from 'node:stream';
import { Allowance } from './caller/allowance.ts';
import { createDispatcher } from './caller/dispatch.ts';
import { createFronts } from './caller/http/fronts.ts';
import { createTokens } from './caller/http/tokens.ts';
import type { AuditLines } from './caller/observing/audit-lines.ts';
import { createObserver } from './caller/observing/observer.ts';
import { watchProcess } from './caller/observing/process-health.ts';
import { type GatewayStatus, statusOf, type Waiting } from './caller/observing/status.ts';
import type { Member, Processes } from './caller/processes/processes.ts';
import { takeOffers, tellOffers, toldLists } from './caller/processes/shared-offers.ts';
import { createSelector, followSelection, type Selector } from './caller/selection.ts';
import { createSessions } from './caller/sessions.ts';
import { type StdioFront, serveStdio } from './caller/stdio.ts';
import { createViewNow } from './caller/view-now.ts';
import { createAcceptance } from './catalog/acceptance.ts';
import { openCatalogFile, requireApprovals } from './catalog/catalog-file.ts';
import { createCatalogHolder } from './catalog/holder.ts';
import type { Catalog } from './catalog/merge.ts';
import { createPublishing } from './catalog/publishing.ts';
import type { Config } from './config/config.ts';
import { type Differences, differencesOf, NO_DIFFERENCES } from './config/differences.ts';
import { createFleet } from './downstream/fleet.ts';
import { createSecrets, type Logger, type Secrets } from './log.ts';
import { within } from './promises.ts';
import { createElsewhere } from './relay/elsewhere.ts';
import { createParked } from './relay/parked.ts';

export { ConfigError } from './config/config-error.ts';
// What a program needs that has the gateway in itself.
export { loadConfig } from './config/load.ts';
export { createLog, createSecrets } from './log.ts';
export type { GatewayStatus, Waiting };

export interface GatewayOptions {
  log: Logger;
  /** The one bearer of every caller over HTTP; where it is empty, nobody is let in. */
  token: string;
  /** What nothing of ours may show; the same as the log has. Default: those of the configuration and the token. */
  secrets?: Secrets;
  /** Where lines about calls go, unless the configuration names a file. Default: where the log goes. */
  auditLines?: AuditLines | undefined;
  /** A downstream has refused our credentials. They may have changed where they are kept. */
  onCredentialsRefused?: () => void;
  /** False: the file of lists is read for what was accepted, and left as it is. */
  keepsLists?: boolean;
  /** @internal  Absent where there is one alone. */
  processes?: Processes;
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
  /** Serves callers over HTTP, who reach the MCP endpoint at this URL. */
  listen(address: { host: string; port: number }): Promise<{ readonly url: string }>;
  /**
   * Serves one caller over a pipe; resolves when it has left.
   *
   * @param url  what it would ask for over HTTP: `/mcp/<toolset>`, `/mcp?profile=claude`; default `/mcp`
   */
  serveStdio(input: Readable, output: Writable, url?: string): Promise<void>;
  /**
   * Another configuration counts from now on; `audit` and `limits.maxHeaderBytes` of the first one stay. Downstreams that
   * are the same keep their connections; a new connection is there before an old one goes; what has left finishes its
   * calls. Who listens hears of a list once, if it differs.
   *
   * @param token  of the callers; the one before is accepted for `drainMs` more
   * @returns      what is different now: nothing where it was closed before
   * @throws ConfigError  it would be refused at the start as well; what was in force stays so
   */
  reload(config: Config, token?: string): Promise<Differences>;
  /**
   * Takes no more callers, ends streams, answers what is running, and closes every connection and process.
   *
   * @param drainMs  how long running calls may take; absent, a moment
   * @returns        how many of them had to be cut
   */
  close(drainMs?: number): Promise<number>;
  /** @internal */
  readonly member: Member;
}

const CLOSE_GRACE_MS = 2000;
/** A caller that uses its connection again is told then that it was the last time. */
const LINGER_MS = 1000;

/** Puts the parts together. Nothing connects or listens yet. */
export function createGateway(initial: Config, options: GatewayOptions): Gateway {
  const { log, keepsLists, processes, onCredentialsRefused = () => {} } = options;
  const secrets = options.secrets ?? createSecrets([...initial.secrets, options.token]);
  let config = initial;
  /** In force: they are changed in place, and read where they count. */
  const limits = { ...config.limits };
  let selectNow = createSelector(config);
  const select: Selector = (url, userAgent) => selectNow(url, userAgent);
  const elsewhere = processes && createElsewhere(processes.tell);
  const first = processes?.isFirst === true ? processes : undefined;
  const further = processes?.isFirst === false ? processes : undefined;
  const told = further && toldLists(further, config.downstreams);
  /** It asks the servers itself; others are told of their lists, and leave it to this one to speak of them. */
  const isFirst = further === undefined;
  const holder = createCatalogHolder(isFirst ? log : undefined);
  if (isFirst) requireApprovals(config);
  let catalogFile = openCatalogFile(config.catalogFile, config.downstreams, log, keepsLists);
  const acceptance = createAcceptance(catalogFile.accepted, log);
  const fleet = createFleet(config, {
    log,
    restored: isFirst ? catalogFile.restored : new Map(),
    lists: told,
    onListing: () => publishing.publish(),
    onRefused: onCredentialsRefused,
  });
  const publishing = createPublishing(() => {
    updateCatalog();
    dispatcher.catalogChanged();
    catalogFile.save(fleet.downstreams, acceptance.acceptedOf);
  });
  function updateCatalog(): void {
    const sources = fleet.downstreams.map(acceptance.sourceOf);
    holder.update(sources, config);
    offering?.tell(sources);
  }
  const offering = first && tellOffers(first, publishing);
  function watchApprovals(): void {
    if (config.downstreams.every(({ definitionChanges }) => definitionChanges !== 'block')) return;
    catalogFile.watch((approved) => acceptance.adopt(approved) && publishing.publish());
  }
  // What is known from an earlier run is served from the first moment, and instructions name every server.
  if (isFirst) updateCatalog();
  if (isFirst) watchApprovals();
  const observer = createObserver({
    ...{ log, secrets, audit: config.audit, configFile: config.file },
    lines: options.auditLines,
    onRefused: onCredentialsRefused,
  });
  const parked = createParked(limits);
  const tokens = createTokens(options.token);
  const sessions = createSessions(tokens.seals.session, limits, further?.sessionEnded);
  let isStarted = false;
  let isClosed = false;
  const dispatcher = createDispatcher({
    catalog: holder,
    viewNow: createViewNow(select, holder, tokens.accepts),
    rounds: { seal: tokens.seals.requestState, tasks: tokens.seals.task, parked },
    ...{ publishing, limits, elsewhere, observer, redact: secrets.redact },
    wantLogs(level) {
      for (const { wishes } of fleet.downstreams) wishes.wantLogs(level);
    },
    onUnexpected: (err) => log.error({ event: 'unexpected', err }, 'a request failed by a fault of ours'),
  });
  const health = watchProcess();
  /** They all have the one token: to us they are one. */
  const allowance = new Allowance(limits, health.isFull);
  const pipes: StdioFront[] = [];

  function settle(): void {
    publishing.settle();
    offering?.tell();
  }
  function start(): void {
    if (isStarted || !isFirst) return;
    isStarted = true;
    publishing.gather();
    fleet.start();
    // A list that comes short is wrong for the whole of a voice session: whoever was never listed is waited for.
    if (fleet.downstreams.every(({ listing }) => listing !== undefined)) settle();
    else void within(limits.firstListMs, fleet.attempted).then(settle);
  }

  const status = () => statusOf(fleet.downstreams, holder.current, secrets.redact);

  const fronts = createFronts({
    ...{ limits, allowance, hasToken: tokens.accepts, select, dispatcher, sessions, status, processes },
    rules: () => ({ allowedHosts: config.allowedHosts, legacySse: config.legacySse }),
    onError: (err) => log.error({ event: 'not_accepted', err }, 'a connection could not be taken in'),
    isReady: () => publishing.isSettled,
    isBehind: health.isBehind,
    measure: () =>
      observer.measure({
        downstreams: () => fleet.downstreams,
        exposedTools: () => holder.current.generic.routes.size,
        others: first?.numbers,
      }),
  });

  function changeToken(token: string, keepMs: number): void {
    secrets.add([token]);
    tokens.change(token, keepMs, () => {
      fronts.apply();
      dispatcher.catalogChanged();
    });
    fronts.apply();
  }

  async function reload(fresh: Config, token: string): Promise<Differences> {
    if (isClosed) return NO_DIFFERENCES;
    requireApprovals(fresh);
    const found = differencesOf(config, fresh, initial);
    const settings = token === tokens.token ? found.settings : [...found.settings, 'SWITCHBOARD_TOKEN'];
    secrets.add(fresh.secrets);
    const next = fleet.prepare(fresh, found);
    const isSameFile = fresh.catalogFile === config.catalogFile;
    // What comes meanwhile is published, and kept, with the rest.
    const left = isSameFile ? undefined : catalogFile.close();
    const [takeOver] = await publishing.during(
      Promise.all([first?.prepare(fresh, token), within(limits.firstListMs, next.tried), left]),
    );
    if (isClosed) return NO_DIFFERENCES;
    takeOver?.();
    next.commit();
    if (!isSameFile) {
      catalogFile = openCatalogFile(fresh.catalogFile, fresh.downstreams, log, keepsLists);
      acceptance.adopt(catalogFile.accepted);
    }
    config = fresh;
    Object.assign(limits, fresh.limits);
    selectNow = createSelector(fresh);
    changeToken(token, fresh.drainMs);
    watchApprovals();
    publishing.publish();
    return { ...found, settings };
  }
  let reloading: Promise<unknown> = Promise.resolve();

  return {
    attempted: fleet.attempted.then(publishing.flush),
    ...{ start, status },
    get catalog() {
      return holder.current;
    },
    waiting: () => ({
      requests: fronts.running,
      ...dispatcher.waiting,
      parked: parked.size,
      downstream: fleet.downstreams.reduce((sum, { running }) => sum + running, 0),
    }),
    async listen(address) {
      const { url } = await fronts.listen(address);
      // Only now: where the port is taken, no process should have been started for nothing.
      start();
      return { url };
    },
    serveStdio(input, output, url = '/mcp') {
      const selected = followSelection(select, url);
      start();
      const ofPipe = new Allowance(limits, health.isFull);
      const pipe = serveStdio(dispatcher, selected, input, output, limits, ofPipe);
      pipes.push(pipe);
      return pipe.over;
    },
    reload(fresh, token = tokens.token) {
      const done = reloading.then(() => reload(fresh, token));
      reloading = done.catch(() => {});
      return done;
    },
    async close(drainMs) {
      const graceMs = drainMs ?? CLOSE_GRACE_MS;
      const others = processes?.drain(graceMs) ?? Promise.resolve(0);
      isClosed = true;
      publishing.close();
      offering?.close();
      dispatcher.drain();
      const left = await Promise.all([
        ...fronts.drain(graceMs, drainMs === undefined ? 0 : LINGER_MS),
        ...pipes.map((pipe) => pipe.drain(graceMs)),
        within(graceMs, others).then(() => 0),
      ]);
      dispatcher.close();
      sessions.close();
      // What still runs is answered by this, also what others have handed over: its downstream has gone.
      parked.close();
      await fleet.close();
      left.push(await others);
      await fronts.close();
      tokens.close();
      health.close();
      await Promise.all([catalogFile.close(), observer.close()]);
      return left.reduce((sum, running) => sum + running, 0);
    },
    member: {
      ...{ join: fronts.join, hearEnded: sessions.hearEnded, changeToken },
      offer(offers, isSettled) {
        if (told === undefined) return;
        holder.update(takeOffers(offers, fleet.downstreams, told), config);
        dispatcher.catalogChanged();
        if (isSettled) publishing.settle();
      },
      hear: (from, news) => elsewhere?.hear(from, news),
      relist: async (key) => fleet.downstreams.find((downstream) => downstream.key === key)?.relist(),
      numbers: () => observer.numbers,
    },
  };
}
