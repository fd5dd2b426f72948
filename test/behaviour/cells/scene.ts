import { afterAll, beforeAll, describe, test } from 'vitest';
import { main } from '../../cli/serving.ts';
import { type Generation, type Way, type WholeCaller, wholeCaller } from '../../support/callers/whole.ts';
import { folderWith } from '../../support/cli.ts';
import type { ServerEntry } from '../../support/downstreams/downstream.ts';
import { modernOffers, type Offer } from '../../support/downstreams/offers.ts';
import { stdioServer } from '../../support/downstreams/stdio.ts';
import { APP, COUNTER, sseWhole, wholeServer } from '../../support/downstreams/whole.ts';
import { startGateway } from '../../support/gateway.ts';
import { CALLS } from './calls.ts';
import type { Cell, Row } from './cell.ts';
import { CHANGES } from './changes.ts';
import { OFFERS } from './offers.ts';
import { QUESTIONS } from './questions.ts';

/*
 * All that the protocol has, from every kind of server to every kind of caller: both eras over HTTP and on stdio behind,
 * SDK v1 and v2 over HTTP (with a stream, JSON alone, or as in 2024) and on stdio in front. The rows are data, in the
 * files beside this one; there is a file of tests for each kind of server.
 */

const ROWS: readonly Row[] = [...OFFERS, ...CALLS, ...QUESTIONS, ...CHANGES];

const CALLERS = (['v1', 'v2 legacy', 'v2 modern'] as const).flatMap((generation) =>
  (['stream', 'json', 'sse', 'stdio'] as const).map((kind) => [generation, kind] as const),
);

/** What a server is given that its entry names, and no other. */
const PASS_META = ['example.com/*'];

/** A second server, with the same URIs. */
const TWIN: Offer = {
  who: 'twin',
  tools: [{ name: 'shown-too', inputSchema: { type: 'object' }, _meta: { ui: { resourceUri: APP } } }],
  resources: [COUNTER, APP].map((uri) => ({ uri, name: uri })),
};

export function describeCells(era: Cell['server']['era'], over: Cell['server']['over']): void {
  describe(`a ${era} server over ${over}`, () => {
    for (const [generation, kind] of CALLERS) {
      if (kind === 'sse' && generation === 'v2 modern') {
        test.skip(`to a ${generation} caller, ${kind}: HTTP+SSE ended before there was a modern era`);
        continue;
      }
      describe(`to a ${generation} caller, ${kind}:`, () =>
        describeCell({ era, over }, { generation, kind }));
    }
  });
}

function describeCell(server: Cell['server'], caller: Cell['caller']): void {
  const isModern = caller.generation === 'v2 modern';
  const hasStream = caller.kind !== 'json';
  const cell: Cell = { server, caller, isModern, hasStream, canBeAsked: hasStream || isModern };
  /** Ended in the reverse order. */
  const started: AsyncDisposable[] = [];
  const use = <T extends AsyncDisposable>(it: T): T => {
    started.unshift(it);
    return it;
  };
  let peers: { caller: WholeCaller; askable: WholeCaller };

  beforeAll(async () => {
    const [crm, twin] = await Promise.all([startServer(server).then(use), modernOffers(TWIN).then(use)]);
    const servers = { crm: crm.entry({ passMeta: PASS_META }), twin: twin.entry() };
    const way = await startBefore(servers, caller, use);
    const connect = (canBeAsked: boolean) => wholeCaller(caller.generation, way, canBeAsked).then(use);
    const [one, other] = await Promise.all([connect(false), connect(true)]);
    peers = { caller: one, askable: other };
  });

  afterAll(async () => {
    for (const it of started) await it[Symbol.asyncDispose]();
  });

  for (const { what, not, instead, test: promise } of ROWS) {
    const reason = not?.(cell);
    const run = reason === undefined ? promise : instead;
    const title = reason === undefined ? what : `${what}: not here, ${reason}`;
    if (run === undefined) test.skip(title);
    else test(title, (context) => run(peers, cell, context));
  }
}

interface Running extends AsyncDisposable {
  entry(extra?: ServerEntry): ServerEntry;
}

async function startServer({ era, over }: Cell['server']): Promise<Running> {
  if (over === 'HTTP+SSE') return sseWhole();
  if (over === 'HTTP') return wholeServer(era);
  const server = stdioServer('whole');
  return {
    entry: (extra) => server.entry({ ...extra, env: { ERA: era } }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Starts a gateway with these servers where such a caller reaches it. */
async function startBefore(
  mcpServers: Record<string, ServerEntry>,
  { kind }: { generation: Generation; kind: Way['kind'] },
  use: <T extends AsyncDisposable>(it: T) => T,
): Promise<Way> {
  // However slow the machine, a caller on stdio is told at its handshake what there is.
  const servers = { mcpServers, legacySse: true, limits: { firstListMs: 30_000 } };
  if (kind === 'stdio') {
    const folder = use(await folderWith({ 'servers.json': servers }));
    return { kind, args: [main, 'serve', '--stdio'], cwd: folder.path };
  }
  const { url, token } = use(await startGateway(servers));
  return { kind, url, token };
}
