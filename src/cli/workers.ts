import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Numbers, sumOf } from '../caller/metrics.ts';
import { MAIN, type Offer, type Processes } from '../caller/processes.ts';
import type { Config } from '../config/config.ts';
import { untilNextStart } from '../config/differences.ts';
import { deferred } from '../downstream/deferred.ts';
import type { Gateway } from '../gateway.ts';
import type { Logger } from '../log.ts';
import type { News } from '../relay/elsewhere.ts';
import { UsageError } from './usage-error.ts';
import type { FromWorker, ToWorker } from './worker.ts';

/** Further processes that serve the same callers: each takes connections in turn, and calls servers itself where it can. */
export interface Workers {
  /** What the gateway of this process needs to know of them. */
  readonly processes: Processes;
  /** Starts them. From now on they are told what `gateway` offers. */
  start(gateway: Gateway): void;
  /** Others take over, with these settings as far as they count now; those that are there finish what they have. */
  replace(config: Config, token: string): void;
  /** They finish what they have. @returns how many of their calls had to be cut */
  drain(graceMs: number): Promise<number>;
  close(): void;
}

interface Worker {
  readonly index: number;
  readonly child: ChildProcess;
  /** It takes connections. */
  isReady: boolean;
  isLeaving: boolean;
  /** How often it was looked at since its last word; undefined before the first. */
  silentFor: number | undefined;
  /** Connections that are on their way to it, and where they go if it ends before. */
  readonly given: Map<Socket, (connection: Socket) => void>;
  /** How many of its calls it cut, once it has said so. */
  cut: number | undefined;
  /** What it has counted, a moment ago. */
  numbers: Numbers | undefined;
  readonly ended: Promise<void>;
}

const program = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url));

const RESTART_MS = 1000;
/** Each says something once a second. Looks are counted, and not time: this process may have stood still itself. */
const LOOK_MS = 1000;
const MAX_SILENT = 10;
/** A socket's path has 103 bytes on macOS and 107 on Linux, of which these have the rest: `123456/worker-123456`. */
const MAX_START_BYTES = 103 - 20;
/** So much longer than it was told may a worker take to end. */
const END_MS = 2000;

/** @param count  how many processes there are with this one */
export function createWorkers(
  count: number,
  settings: { config: Config; token: string; host: string; level: string },
  log: Logger,
): Workers {
  // Nobody else may hand requests over.
  const start = join(tmpdir(), 'mcp-switchboard-');
  if (process.platform !== 'win32' && Buffer.byteLength(start) > MAX_START_BYTES)
    throw new UsageError(
      `The processes meet in sockets below "${tmpdir()}",\nwhich is too long for that: set TMPDIR to a shorter path.`,
    );
  const folder = mkdtempSync(start);
  const prefix = process.platform === 'win32' ? `\\\\.\\pipe\\${basename(folder)}-` : join(folder, 'worker-');
  const pathOf = (index: number) => `${prefix}${index}`;
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', removeFolder);
  let { config, token: first } = settings;
  /** Tokens after the first, and when each time the one before is accepted no more. */
  const changes: { readonly token: string; readonly endsAt: number }[] = [];
  let gateway: Gateway | undefined;
  let offered: { readonly offers: readonly Offer[]; readonly isSettled: boolean } = {
    offers: [],
    isSettled: false,
  };
  let lastIndex = 0;
  let isClosing = false;
  const workers: Worker[] = [];
  /** Of those that have ended: a number that falls would be taken for one that began anew. */
  let gone = sumOf([]);
  let turn = 0;
  /** What each has told of its calls: a new one hears it as well. */
  const running = new Map<number, Set<string>>();

  /** None serves whom it has taken, and none ends by itself, that stands still. */
  const looking = setInterval(() => {
    for (const worker of workers) {
      if (worker.silentFor === undefined || ++worker.silentFor <= MAX_SILENT) continue;
      log.error(
        { event: 'worker_silent', worker: worker.index },
        'a worker process stands still, and is ended',
      );
      worker.child.kill('SIGKILL');
    }
  }, LOOK_MS).unref();

  function send({ child }: Worker, message: ToWorker, connection?: Socket, onSent = () => {}): void {
    if (child.connected) child.send(message, connection, { keepOpen: false }, onSent);
  }

  function spread(from: number, news: News | undefined): void {
    const known = running.get(from) ?? new Set();
    for (const mark of news?.over ?? known) known.delete(mark);
    for (const mark of news?.begun ?? []) known.add(mark);
    running.set(from, known);
    if (news === undefined) running.delete(from);
    for (const worker of workers) if (worker.index !== from) send(worker, { kind: 'hear', from, news });
    if (from !== MAIN) gateway?.hear(from, news);
  }

  function tellWhoIsThere(): void {
    const indexes = workers.filter(({ isReady }) => isReady).map(({ index }) => index);
    const alive = workers.map(({ index }) => index);
    for (const worker of workers) send(worker, { kind: 'there', indexes, alive });
  }

  function add(): void {
    const index = ++lastIndex;
    const child = fork(program, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const ended = deferred<void>();
    const worker: Worker = {
      index,
      child,
      isReady: false,
      isLeaving: false,
      silentFor: undefined,
      given: new Map(),
      cut: undefined,
      numbers: undefined,
      ended: ended.promise,
    };
    workers.push(worker);
    send(worker, { kind: 'begin', index, prefix, ...settings, config, token: first });
    // What the others accept and open, it does as well.
    for (const { token, endsAt } of changes)
      send(worker, { kind: 'token', token, keepMs: endsAt - performance.now() });
    send(worker, { kind: 'offer', ...offered });
    for (const [from, marks] of running)
      send(worker, { kind: 'hear', from, news: { begun: [...marks], over: [] } });
    child.on('message', (message: FromWorker) => {
      worker.silentFor = 0;
      if (message.kind === 'ready') {
        worker.isReady = !worker.isLeaving;
        tellWhoIsThere();
        log.info({ event: 'worker_ready', worker: index, pid: child.pid }, 'a worker process serves');
      } else if (message.kind === 'tell') spread(index, message.news);
      else if (message.kind === 'sessionEnded') gateway?.hearEnded(message.end);
      else if (message.kind === 'counted') worker.numbers = message.numbers;
      else worker.cut = message.cut;
    });
    child.on('error', (err) => {
      log.error({ event: 'worker_failed', err }, 'a worker process could not be used');
      // It was never there, and does not end either.
      if (child.pid === undefined) onEnded(null, null);
    });
    child.once('exit', onEnded);
    function onEnded(code: number | null, signal: NodeJS.Signals | null): void {
      if (!workers.includes(worker)) return;
      ended.resolve();
      workers.splice(workers.indexOf(worker), 1);
      if (worker.numbers !== undefined) gone = sumOf([gone, withoutRunning(worker.numbers)]);
      spread(index, undefined);
      tellWhoIsThere();
      for (const [connection, comeBack] of worker.given) comeBack(connection);
      if (worker.isLeaving || isClosing) return;
      log.error(
        { event: 'worker_ended', worker: index, code, signal },
        'a worker process has ended; another one starts',
      );
      setTimeout(() => !isClosing && add(), RESTART_MS).unref();
    }
  }

  function changeToken(token: string, keepMs: number): void {
    const now = performance.now();
    for (let next = changes[0]; next !== undefined && next.endsAt <= now; next = changes[0]) {
      first = next.token;
      changes.shift();
    }
    if (token === (changes.at(-1)?.token ?? first)) return;
    changes.push({ token, endsAt: now + keepMs });
    for (const worker of workers) send(worker, { kind: 'token', token, keepMs });
  }

  function leave(worker: Worker, graceMs: number, forRepeats: boolean): void {
    worker.isReady = false;
    worker.isLeaving = true;
    tellWhoIsThere();
    send(worker, { kind: 'drain', graceMs, forRepeats });
    setTimeout(() => worker.child.kill('SIGKILL'), graceMs + END_MS).unref();
  }

  return {
    processes: {
      index: MAIN,
      pathOf,
      isThere: (index) => workers.some((worker) => worker.index === index && worker.isReady),
      isAlive: (index) => workers.some((worker) => worker.index === index),
      tell: (news) => spread(MAIN, news),
      onOffers(offers, isSettled) {
        if (offered.isSettled === isSettled && isSame(offered.offers, offers)) return;
        offered = { offers, isSettled };
        for (const worker of workers) send(worker, { kind: 'offer', ...offered });
      },
      numbers: () => [gone, ...workers.flatMap(({ numbers }) => numbers ?? [])],
      giveAway(connection, comeBack) {
        const ready = workers.filter(({ isReady }) => isReady);
        turn = (turn + 1) % (ready.length + 1);
        const worker = ready[turn - 1];
        if (worker?.child.connected !== true) return false;
        // What `send` returns says that others wait before it, and not that it was not taken.
        worker.given.set(connection, comeBack);
        send(worker, { kind: 'connection' }, connection, () => worker.given.delete(connection));
        return true;
      },
    },
    start(own) {
      gateway = own;
      for (let n = 1; n < count; n++) add();
    },
    replace(fresh, token) {
      if (isClosing) return;
      config = untilNextStart(config, fresh);
      changeToken(token, config.drainMs);
      // They are started with it.
      if (gateway === undefined) return;
      const before = [...workers];
      for (let n = 1; n < count; n++) add();
      for (const worker of before) leave(worker, config.drainMs, true);
    },
    async drain(graceMs) {
      isClosing = true;
      const all = [...workers];
      for (const worker of all) leave(worker, graceMs, false);
      await Promise.all(all.map(({ ended }) => ended));
      return all.reduce((sum, { cut, numbers }) => sum + (cut ?? runningIn(numbers)), 0);
    },
    close() {
      isClosing = true;
      clearInterval(looking);
      for (const { child } of workers) child.kill('SIGKILL');
      process.off('exit', removeFolder);
      removeFolder();
    },
  };
}

const withoutRunning = ({ meters, ...counted }: Numbers): Numbers => ({
  ...counted,
  meters: new Map([...meters].map(([key, meter]) => [key, { ...meter, inFlight: 0 }])),
});

const runningIn = (numbers?: Numbers) =>
  [...(numbers?.meters.values() ?? [])].reduce((sum, { inFlight }) => sum + inFlight, 0);

/** The lists are the same objects as long as nothing is new. */
function isSame(before: readonly Offer[], after: readonly Offer[]): boolean {
  return (
    before.length === after.length &&
    after.every(({ key, isStateless, list, notes }, at) => {
      const other = before[at];
      return (
        other?.key === key &&
        other.isStateless === isStateless &&
        other.list === list &&
        JSON.stringify(other.notes) === JSON.stringify(notes)
      );
    })
  );
}
