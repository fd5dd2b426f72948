import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Numbers, sumOf } from '../caller/observing/metrics.ts';
import { type FirstProcess, MAIN, type Member, type Offer } from '../caller/processes/processes.ts';
import { sameOffers } from '../caller/processes/shared-offers.ts';
import type { Config } from '../config/config.ts';
import { differencesOf, isSame, untilNextStart } from '../config/differences.ts';
import type { Logger } from '../log.ts';
import { deferred, within } from '../promises.ts';
import type { News } from '../relay/elsewhere.ts';
import { makeMeetingPlace } from './meeting-place.ts';
import { createTokenChanges } from './token-changes.ts';
import type { FromWorker, ToWorker } from './worker.ts';

/** Further processes that serve the same callers: each takes connections in turn, and calls servers itself where it can. */
export interface Workers {
  /** What the gateway of this process needs to know of them. */
  readonly processes: FirstProcess;
  /** Starts them, beside the gateway of this process. */
  start(own: Member): void;
  close(): void;
}

interface Worker {
  readonly index: number;
  readonly child: ChildProcess;
  /** It could take connections. */
  isReady: boolean;
  /** Of those that count: before it waits to take over, after it finishes what it has. */
  isIn: boolean;
  isLeaving: boolean;
  /** It is ready, or has ended before. */
  readonly arrived: Promise<void>;
  /** How often it was looked at since its last word; undefined before the first. */
  silentFor: number | undefined;
  /** Connections that are on their way to it, in this order and open here as well, and where they go if they do not arrive. */
  readonly given: Map<number, readonly [Socket, comeBack: (connection: Socket) => void]>;
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
/** How long what is there waits for those that are to take over. */
const ARRIVAL_MS = 10_000;
/** So much longer than it was told may a worker take to end. */
const END_MS = 2000;

/**
 * @param count      how many processes there are with this one
 * @param onRefused  a downstream has refused the credentials of one of them
 * @throws UsageError  there is no place where they could meet
 */
export function createWorkers(
  count: number,
  settings: { config: Config; token: string; host: string; level: string },
  log: Logger,
  onRefused: () => void,
): Workers {
  const { prefix, remove } = makeMeetingPlace();
  const pathOf = (index: number) => `${prefix}${index}`;
  let { config } = settings;
  const tokens = createTokenChanges(settings.token);
  let own: Member | undefined;
  let offered: { readonly offers: readonly Offer[]; readonly isSettled: boolean } = {
    offers: [],
    isSettled: false,
  };
  let lastIndex = 0;
  let lastGiven = 0;
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

  function send({ child }: Worker, message: ToWorker, connection?: Socket): void {
    // Node would close it once it is there, and never where the process ends before: its caller would wait for ever.
    if (child.connected) child.send(message, connection, { keepOpen: true }, () => {});
  }

  /** What was given before this one, and is not there, does not arrive: it has no descriptor left for it. */
  function arrive({ given }: Worker, number: number): void {
    for (const [each, [connection, comeBack]] of given) {
      if (each > number) return;
      given.delete(each);
      if (each === number) connection.destroy();
      else comeBack(connection);
    }
  }

  function spread(from: number, news: News | undefined): void {
    const known = running.get(from) ?? new Set();
    for (const mark of news?.over ?? known) known.delete(mark);
    for (const mark of news?.begun ?? []) known.add(mark);
    running.set(from, known);
    if (news === undefined) running.delete(from);
    for (const worker of workers) if (worker.index !== from) send(worker, { kind: 'hear', from, news });
    if (from !== MAIN) own?.hear(from, news);
  }

  function tellWhoIsThere(): void {
    const indexes = workers.filter(serves).map(({ index }) => index);
    const alive = workers.map(({ index }) => index);
    for (const worker of workers) send(worker, { kind: 'there', indexes, alive });
  }

  function add(config: Config, isIn: boolean): Worker {
    const index = ++lastIndex;
    const child = fork(program, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const ended = deferred<void>();
    const arrived = deferred<void>();
    const worker: Worker = {
      index,
      child,
      isReady: false,
      isIn,
      isLeaving: false,
      arrived: arrived.promise,
      silentFor: undefined,
      given: new Map(),
      cut: undefined,
      numbers: undefined,
      ended: ended.promise,
    };
    workers.push(worker);
    send(worker, { kind: 'begin', index, prefix, ...settings, config, token: tokens.first });
    // What the others accept and open, it does as well.
    for (const change of tokens.all()) send(worker, { kind: 'token', ...change });
    send(worker, { kind: 'offer', ...offered });
    for (const [from, marks] of running)
      send(worker, { kind: 'hear', from, news: { begun: [...marks], over: [] } });
    child.on('message', (message: FromWorker) => {
      worker.silentFor = 0;
      if (message.kind === 'ready') {
        worker.isReady = true;
        arrived.resolve();
        tellWhoIsThere();
        log.info({ event: 'worker_ready', worker: index, pid: child.pid }, 'a worker process serves');
      } else if (message.kind === 'tell') spread(index, message.news);
      else if (message.kind === 'taken') arrive(worker, message.number);
      else if (message.kind === 'sessionEnded') own?.hearEnded(message.end);
      else if (message.kind === 'relist') void relist(worker, message.key);
      else if (message.kind === 'refused') onRefused();
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
      arrived.resolve();
      workers.splice(workers.indexOf(worker), 1);
      if (worker.numbers !== undefined) gone = sumOf([gone, withoutRunning(worker.numbers)]);
      spread(index, undefined);
      tellWhoIsThere();
      for (const [connection, comeBack] of worker.given.values()) comeBack(connection);
      if (worker.isLeaving || isClosing) return;
      log.error(
        { event: 'worker_ended', worker: index, code, signal },
        'a worker process has ended; another one starts',
      );
      setTimeout(fill, RESTART_MS).unref();
    }
    return worker;
  }

  async function relist(worker: Worker, key: string): Promise<void> {
    send(worker, { kind: 'relisted', key, list: await own?.relist(key) });
  }

  function leave(worker: Worker, graceMs: number, forRepeats: boolean): void {
    worker.isIn = false;
    worker.isLeaving = true;
    tellWhoIsThere();
    send(worker, { kind: 'drain', graceMs, forRepeats });
    setTimeout(() => worker.child.kill('SIGKILL'), graceMs + END_MS).unref();
  }

  /** Starts as many as are missing. */
  function fill(): void {
    const missing = count - 1 - workers.filter(({ isIn }) => isIn).length;
    for (let n = 1; n <= missing && !isClosing; n++) add(config, true);
  }

  async function prepare(given: Config, token: string): Promise<() => void> {
    const fresh = untilNextStart(config, given);
    const isOther = !isSame(differencesOf(config, fresh)) || token !== tokens.latest;
    const next: Worker[] = [];
    // Before the start there are none: they are started with it.
    if (isOther && !isClosing && own !== undefined)
      for (let n = 1; n < count; n++) next.push(add(fresh, false));
    await within(ARRIVAL_MS, Promise.all(next.map(({ arrived }) => arrived)));
    return () => {
      config = fresh;
      if (tokens.change(token, fresh.drainMs))
        for (const worker of workers) send(worker, { kind: 'token', token, keepMs: fresh.drainMs });
      if (next.length === 0) return;
      const before = workers.filter(({ isIn }) => isIn);
      for (const worker of next) worker.isIn = true;
      // Also where none was left before: whoever does not know that it counts hands all to the first.
      tellWhoIsThere();
      for (const worker of before) leave(worker, fresh.drainMs, true);
      fill();
    };
  }

  return {
    processes: {
      isFirst: true,
      index: MAIN,
      pathOf,
      isThere: (index) => workers.some((worker) => worker.index === index && serves(worker)),
      isAlive: (index) => workers.some((worker) => worker.index === index),
      tell: (news) => spread(MAIN, news),
      prepare,
      onOffers(offers, isSettled) {
        if (offered.isSettled === isSettled && sameOffers(offered.offers, offers)) return;
        offered = { offers, isSettled };
        for (const worker of workers) send(worker, { kind: 'offer', ...offered });
      },
      numbers: () => [gone, ...workers.flatMap(({ numbers }) => numbers ?? [])],
      giveAway(connection, comeBack) {
        const ready = workers.filter(serves);
        turn = (turn + 1) % (ready.length + 1);
        const worker = ready[turn - 1];
        if (worker?.child.connected !== true) return false;
        worker.given.set(++lastGiven, [connection, comeBack]);
        send(worker, { kind: 'connection', number: lastGiven }, connection);
        return true;
      },
      async drain(graceMs) {
        isClosing = true;
        const all = [...workers];
        for (const worker of all) leave(worker, graceMs, false);
        await Promise.all(all.map(({ ended }) => ended));
        return all.reduce((sum, { cut, numbers }) => sum + (cut ?? runningIn(numbers)), 0);
      },
    },
    start(gateway) {
      own = gateway;
      fill();
    },
    close() {
      isClosing = true;
      clearInterval(looking);
      for (const { child } of workers) child.kill('SIGKILL');
      remove();
    },
  };
}

const serves = ({ isReady, isIn }: Worker) => isReady && isIn;

const withoutRunning = ({ meters, ...counted }: Numbers): Numbers => ({
  ...counted,
  meters: new Map([...meters].map(([key, meter]) => [key, { ...meter, inFlight: 0 }])),
});

const runningIn = (numbers?: Numbers) =>
  [...(numbers?.meters.values() ?? [])].reduce((sum, { inFlight }) => sum + inFlight, 0);
