import { join } from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import type { ServerEntry } from '../support/downstreams/downstream.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { type Era, METHODS, type Method, RESOURCE } from '../support/evil/usual.ts';
import type { Heard } from '../support/evil/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { type Message, modernRequest } from '../support/messages.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { Fault, Script } from './fault.ts';
import { besideNeighbour, NEIGHBOUR } from './neighbour.ts';

export const TIMEOUT_MS = 400;
/** Where a server is left alone after some failures, nothing would be learnt of the next. */
const LIMITS = { maxResultBytes: 256 * 1024, breakerFailures: 0 };
const NOTHING_WAITS = { requests: 0, calls: 0, parked: 0, listeners: 0, downstream: 0 };

/** A server that answers by scripts. */
export interface Evil<S> extends AsyncDisposable {
  entry(extra?: ServerEntry): ServerEntry;
  script(on: Readonly<Record<string, readonly S[]>>): void;
  /** What it heard, where that can be known. */
  readonly heard?: readonly Heard[];
}

export type StartEvil<S> = (era: Era) => Promise<Evil<S>>;

/** Every script of these faults, as the answer to calls of all kinds. */
export function runOnCalls<S>(faults: readonly Fault<S>[], start: StartEvil<S>): void {
  runEach(faults, (script, era, context) => {
    const { methods = METHODS } = script;
    const calls = methods.filter((method) => method !== 'tools/list');
    return calls.length === 0 ? undefined : () => testCalls(script, start, era, calls, context());
  });
}

/** Every script of these faults, as the answer to the list at connect. */
export function runOnLists<S>(faults: readonly Fault<S>[], start: StartEvil<S>): void {
  runEach(faults, (script, era, context) => {
    const { methods = METHODS } = script;
    return methods.includes('tools/list') ? () => testList(script, start, era, context()) : undefined;
  });
}

type Plan<S> = (script: Script<S>, era: Era, context: () => TestContext) => (() => Promise<void>) | undefined;

function runEach<S>(faults: readonly Fault<S>[], plan: Plan<S>): void {
  for (const { id, promise, scripts = [] } of faults) {
    for (const script of scripts) {
      const { eras = ['modern', 'legacy'] } = script;
      for (const era of eras) {
        let context: TestContext | undefined;
        const run = plan(script, era, () => context as TestContext);
        if (run === undefined) continue;
        test(`${id} ${promise}: ${script.what}, ${era}`, (given) => {
          context = given;
          return run();
        });
      }
    }
  }
}

async function testCalls<S>(
  script: Script<S>,
  start: StartEvil<S>,
  era: Era,
  methods: readonly Method[],
  context: TestContext,
) {
  await using evil = await start(era);
  await using well = await plainServer({ era: 'modern', json: true });
  // Where a deadline is what ends it, it is short; elsewhere it must not be what ends it.
  const callTimeoutMs = script.holds === true ? TIMEOUT_MS : 15_000;
  const entry = evil.entry({ callTimeoutMs, ...script.entry });
  await using gateway = await startGateway({
    mcpServers: { evil: entry, well: well.entry() },
    limits: LIMITS,
  });
  evil.script(Object.fromEntries(methods.map((method) => [method, script.steps])));
  const answers = await besideNeighbour(gateway, context, () =>
    Promise.all(methods.map((method) => ask(gateway, method, script.progress))),
  );
  for (const [index, method] of methods.entries()) judge(script, method, answers[index] as Message);
  await expect.poll(() => gateway.gateway.waiting()).toEqual(NOTHING_WAITS);
  evil.script({});
  // A child has to be started again, and what was asked meanwhile may have been asked again.
  await expect.poll(async () => JSON.stringify(await ask(gateway, 'tools/call'))).toContain('"well"');
}

function judge(
  { told, mayHaveRun, other = {} }: Pick<Script, 'told' | 'mayHaveRun' | 'other'>,
  method: Method,
  { result, error }: Message,
) {
  if (told === 'the answer') {
    expect(JSON.stringify(result)).toContain('"well"');
    for (const [key, value] of Object.entries(other)) expect(result[key]).toEqual(value);
    return;
  }
  const sentence = `"evil" ${told.replace('%', exposed(method))}`;
  const text = method === 'tools/call' ? result?.content[0].text : error?.message;
  expect(text).toContain(sentence);
  const facts =
    method === 'tools/call'
      ? result._meta['mcp-switchboard/failure']
      : (error?.data as Record<string, unknown>);
  expect(facts.mayHaveRun).toBe(mayHaveRun ?? false);
  if (method === 'tools/call') expect(result.isError).toBe(true);
}

/** The list is there without it, and says nothing of it; the gateway's status says why. */
async function testList<S>(script: Script<S>, start: StartEvil<S>, era: Era, context: TestContext) {
  await using kept = await temporaryFolder();
  await using evil = await start(era);
  await using well = await plainServer({ era: 'modern', json: true });
  const servers = { mcpServers: { evil: evil.entry(script.entry), well: well.entry() }, limits: LIMITS };
  const catalogFile = join(kept.path, 'catalog.json');
  const isKnown = script.holds === true;
  if (isKnown) {
    // Where nothing is known of a server, the first list of all waits for it.
    await using _earlier = await startGateway(servers, { catalogFile });
  }
  evil.script({ 'tools/list': script.steps });
  await using gateway = await startGateway(servers, { catalogFile, settle: !isKnown });
  const stateOf = (key: string) => gateway.gateway.status().downstreams[key]?.state;
  await expect.poll(() => stateOf('well')).toBe('ready');
  const asked = () => evil.heard?.filter(({ method }) => method === 'tools/list').length;
  if (evil.heard !== undefined) await expect.poll(asked).toBeGreaterThan(isKnown ? 1 : 0);
  const names = await besideNeighbour(gateway, context, async () => {
    const { json } = await gateway.post(...modernRequest('tools/list'));
    return json.result.tools.map(({ name }: { name: string }) => name) as string[];
  });
  expect(names).toContain(NEIGHBOUR);
  if (script.told === 'the answer' || isKnown) expect(names).toContain('evil__work');
  else expect(names).not.toContain('evil__work');
  const good = script.told === 'the answer' ? 'ready' : 'down';
  expect(stateOf('evil')).toBe(isKnown ? 'connecting' : good);
  if (good === 'down') expect(gateway.gateway.status().downstreams.evil?.why).toMatch(/^\w[\w ,.:'()/-]+$/);
}

const exposed = (method: Method) =>
  method === 'resources/read' ? RESOURCE : (METHOD_NAMES.get(method) ?? '');
const METHOD_NAMES = new Map<Method, string>([
  ['tools/call', 'evil__work'],
  ['prompts/get', 'evil__ask'],
  ['completion/complete', 'evil__ask'],
]);

async function ask(gateway: RunningGateway, method: Method, progress?: true): Promise<Message> {
  const _meta = progress === true ? { progressToken: 'mine' } : {};
  const reply = await gateway.post(...modernRequest(method, { ...paramsOf(method), _meta }));
  return reply.messages.at(-1) as Message;
}

function paramsOf(method: Method): Record<string, unknown> {
  switch (method) {
    case 'resources/read':
      return { uri: RESOURCE };
    case 'prompts/get':
      return { name: 'evil__ask' };
    case 'completion/complete':
      return { ref: { type: 'ref/prompt', name: 'evil__ask' }, argument: { name: 'x', value: 'w' } };
    default:
      return { name: 'evil__work', arguments: {} };
  }
}
