// One of the processes that `serve --workers` starts: it is told everything by the one that started it, and ends with it.

import { type Deferred, deferred } from '../promises.ts';
import './lasting-tick.ts';
import type { Socket } from 'node:net';
import type { Numbers } from '../caller/observing/metrics.ts';
import type { Offer } from '../caller/processes/processes.ts';
import type { SessionEnd } from '../caller/sessions.ts';
import type { Config } from '../config/config.ts';
import { whileBusy } from '../downstream/leaving.ts';
import type { Listing } from '../downstream/lists/listing.ts';
import { createGateway, type Gateway } from '../gateway.ts';
import { createSecrets } from '../log.ts';
import type { News } from '../relay/elsewhere.ts';
import { tuneCollector } from './collector.ts';
import { guardProcess } from './guard.ts';
import { auditLinesBesideLog, openLog } from './open.ts';
import { stderr } from './stderr.ts';

export type ToWorker =
  | {
      readonly kind: 'begin';
      readonly index: number;
      /** Of the path of each socket; the index follows. */
      readonly prefix: string;
      readonly host: string;
      readonly level: string;
      readonly config: Config;
      readonly token: string;
    }
  | { readonly kind: 'token'; readonly token: string; readonly keepMs: number }
  | { readonly kind: 'offer'; readonly offers: readonly Offer[]; readonly isSettled: boolean }
  | { readonly kind: 'relisted'; readonly key: string; readonly list: Listing | undefined }
  | { readonly kind: 'hear'; readonly from: number; readonly news: News | undefined }
  | { readonly kind: 'there'; readonly indexes: readonly number[]; readonly alive: readonly number[] }
  /** A connection comes with it. */
  | { readonly kind: 'connection'; readonly number: number }
  /** @param forRepeats  callers may come back for what runs, over other connections: it is there as long as it runs */
  | { readonly kind: 'drain'; readonly graceMs: number; readonly forRepeats: boolean };

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'taken'; readonly number: number }
  | { readonly kind: 'tell'; readonly news: News }
  | { readonly kind: 'sessionEnded'; readonly end: SessionEnd }
  | { readonly kind: 'relist'; readonly key: string }
  | { readonly kind: 'refused' }
  | { readonly kind: 'counted'; readonly numbers: Numbers | undefined }
  | { readonly kind: 'ended'; readonly cut: number };

type Begin = Extract<ToWorker, { kind: 'begin' }>;

const tell = (message: FromWorker) => void (process.connected && process.send?.(message, () => {}));

/** So old are the numbers of this process in those of all. */
const TELL_MS = 1000;
const never = new AbortController().signal;

let gateway: Gateway | undefined;
let take: ((connection: Socket) => void) | undefined;
/** Calls that the others were told of. */
const told = new Set<string>();
/** Downstreams that the first process asks for their lists because of this one. */
const relisting = new Map<string, Deferred<Listing | undefined>>();
/** The workers that serve. */
let there: readonly number[] = [];
/** The same, and those that finish what they have. */
let alive: readonly number[] = [];
let isEnding = false;
/** Callers may come back for what runs, over other connections: it is there as long as that runs. */
let isForRepeats = false;

tuneCollector();
// Its end is told by the first process, which hears of these as well: from a terminal they reach the whole group.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => {
  // Whoever told it to end has ended at once, and so does it.
  if (isEnding) process.exit(1);
  void end(0, false);
});
process.on('message', (message: ToWorker, connection?: Socket) => {
  if (message.kind === 'begin') void begin(message);
  else if (message.kind === 'token') gateway?.member.changeToken(message.token, message.keepMs);
  else if (message.kind === 'offer') gateway?.member.offer(message.offers, message.isSettled);
  else if (message.kind === 'relisted') relisted(message.key, message.list);
  else if (message.kind === 'hear') gateway?.member.hear(message.from, message.news);
  else if (message.kind === 'there') ({ indexes: there, alive } = message);
  else if (message.kind === 'drain') void end(message.graceMs, message.forRepeats);
  else takeConnection(message.number, connection);
});

/** Told before anything is read of it: where it was read, it cannot go to another process. */
function takeConnection(number: number, connection: Socket | undefined): void {
  tell({ kind: 'taken', number });
  if (connection !== undefined) take?.(connection);
}

async function begin({ index, prefix, host, level, config, token }: Begin): Promise<void> {
  const secrets = createSecrets([...config.secrets, token]);
  const log = openLog({ LOG_LEVEL: level }, secrets).child({ worker: index });
  guardProcess(log);
  gateway = createGateway(config, {
    ...{ log, token, secrets },
    auditLines: auditLinesBesideLog(),
    keepsLists: false,
    onCredentialsRefused: () => tell({ kind: 'refused' }),
    processes: {
      isFirst: false,
      index,
      pathOf: (of) => `${prefix}${of}`,
      isThere: (of) => there.includes(of),
      isAlive: (of) => alive.includes(of),
      sessionEnded: (end) => tell({ kind: 'sessionEnded', end }),
      relist,
      tell(news) {
        for (const mark of news.over) told.delete(mark);
        for (const mark of news.begun) told.add(mark);
        tell({ kind: 'tell', news });
      },
      // The others cut nothing: it is its own calls that it is there for.
      async drain(graceMs) {
        if (isForRepeats) await whileBusy(() => told.size > 0, graceMs, never);
        return 0;
      },
    },
  });
  take = await gateway.member.join(host);
  tell({ kind: 'ready' });
  setInterval(tellNumbers, TELL_MS).unref();
}

function relist(key: string): Promise<Listing | undefined> {
  const known = relisting.get(key);
  if (known !== undefined) return known.promise;
  const asked = deferred<Listing | undefined>();
  relisting.set(key, asked);
  tell({ kind: 'relist', key });
  return asked.promise;
}

function relisted(key: string, list: Listing | undefined): void {
  relisting.get(key)?.resolve(list);
  relisting.delete(key);
}

function tellNumbers(): void {
  tell({ kind: 'counted', numbers: gateway?.member.numbers() });
}

async function end(graceMs: number, forRepeats: boolean): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  isForRepeats = forRepeats;
  const cut = (await gateway?.close(graceMs)) ?? 0;
  tellNumbers();
  tell({ kind: 'ended', cut });
  await stderr.drained();
  process.exit(0);
}
