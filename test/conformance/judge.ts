import { comparable, firstDifference } from './compare.ts';
import type { Eras } from './fixture/fixture.ts';
import { type JournalEntry, targetOf } from './fixture/journal.ts';
import { objectAt } from './fixture/protocol.ts';
import type { LegRecord } from './leg.ts';
import type { Exchange } from './recording-proxy.ts';
import { type Scenario, SLOWED } from './scenarios.ts';
import type { Check } from './suite.ts';

/**
 * Methods that only the fixture can answer. Others (lists, discover, ping, logging levels, subscriptions) a gateway
 * may rightly answer by itself.
 */
const ONLY_THE_FIXTURE = new Set(['tools/call', 'prompts/get', 'resources/read', 'completion/complete']);

/** Of every scenario that sends a well-formed message; alone it proves nothing about the scenario. */
const SCHEMA_CHECK = 'wire-schema-valid';

export interface Verdict {
  readonly passed: number;
  readonly total: number;
  /** Sentences; none means that it holds. */
  readonly problems: readonly string[];
}

export interface GatewayVerdict extends Verdict {
  /** Checks that are listed as not yet, or as other before a legacy server, and nevertheless pass. */
  readonly passAlready: readonly string[];
}

/** The suite passes a scenario without failures; this one also wants something to have passed, and no warnings. */
export function judgeDirect(record: LegRecord): Verdict {
  const problems = record.checks
    .filter(({ status }) => status === 'FAILURE' || status === 'WARNING')
    .map(({ id, status, errorMessage }) => `${status} ${id}: ${errorMessage ?? '(no message)'}`);
  if (record.trouble !== undefined) problems.push(record.trouble);
  else if (isEmpty(record.checks)) problems.push('EMPTY: nothing but INFO and SKIPPED');
  return { ...count(record.checks), problems };
}

/**
 * Holds what happened through the gateway against what happened without it.
 *
 * A scenario that is not covered is judged whole, exceptions are for the covered ones: it has to pass as it is to
 * count as passing already.
 *
 * @param eras  what the fixture behind the gateway speaks; the one without has both
 */
export function judgeGateway(
  scenario: Scenario,
  direct: LegRecord,
  gateway: LegRecord,
  eras: Eras = 'both',
): GatewayVerdict {
  const covered = scenario.covered === true;
  const isLegacy = eras === 'legacy';
  const other = (isLegacy && scenario.beforeLegacy) || {};
  const excused = { ...scenario.checksNotYet, ...other.checks };
  const checksNotYet = new Set(covered ? Object.keys(excused) : []);

  const problems: string[] = [];
  if (gateway.trouble !== undefined) problems.push(gateway.trouble);
  else if (isEmpty(gateway.checks)) problems.push('EMPTY: nothing but INFO and SKIPPED');
  const worse = worseChecks(direct.checks, gateway.checks);
  for (const [id, sentence] of worse) {
    if (!checksNotYet.has(id)) problems.push(sentence);
  }
  const refuses = (target: string | undefined) => (target ?? '') in (scenario.refusesItself ?? {});
  const isOther = (what: unknown) => covered && String(what) in (other.calls ?? {});
  const isHeld = (target: string | undefined) => !refuses(target) && !isOther(target);
  problems.push(...differentCalls(direct.journal, gateway.journal, isHeld));
  for (const [question, pairs] of paired(direct.exchanges, gateway.exchanges)) {
    const { sent } = pairs[0]?.[0] ?? {};
    if (isOther(targetOf(objectAt(sent ?? {}, 'params')) ?? sent?.method)) continue;
    problems.push(...differentAnswers(question, pairs, refuses, isLegacy));
  }
  problems.push(...leaks(gateway.journal));
  return {
    ...count(gateway.checks),
    problems,
    passAlready:
      gateway.trouble === undefined
        ? // What comes late may come in time.
          [...checksNotYet].filter((id) => !worse.has(id) && excused[id] !== SLOWED)
        : [],
  };
}

function count(checks: readonly Check[]): { passed: number; total: number } {
  const passed = checks.filter(({ status }) => status === 'SUCCESS').length;
  const failed = checks.filter(({ status }) => status === 'FAILURE').length;
  return { passed, total: passed + failed };
}

function isEmpty(checks: readonly Check[]): boolean {
  return checks.every(({ id, status }) => id === SCHEMA_CHECK || status === 'INFO' || status === 'SKIPPED');
}

/** Checks by id (a scenario may use one several times) that succeeded less often than direct, or went wrong. */
function worseChecks(direct: readonly Check[], gateway: readonly Check[]): Map<string, string> {
  const worse = new Map<string, string>();
  const successes = (checks: readonly Check[], id: string): number =>
    checks.filter((check) => check.id === id && check.status === 'SUCCESS').length;
  for (const { id } of direct) {
    const [expected, found] = [successes(direct, id), successes(gateway, id)];
    if (found < expected) worse.set(id, `${id}: ${found} instead of ${expected} successes`);
  }
  for (const { id, status, errorMessage } of gateway) {
    if (status !== 'FAILURE' && status !== 'WARNING') continue;
    worse.set(id, `${status} ${id}: ${errorMessage ?? '(no message)'}`);
  }
  return worse;
}

/** Something about a tool, prompt or resource. */
type Judges = (target: string | undefined) => boolean;

/**
 * Every call that reached the fixture has to reach it through the gateway too, with the same arguments, once.
 *
 * @param isHeld  false for what the gateway may answer itself, or differently
 */
function differentCalls(
  direct: readonly JournalEntry[],
  gateway: readonly JournalEntry[],
  isHeld: Judges,
): string[] {
  const tally = (entries: readonly JournalEntry[]): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const { method, target, arguments: args, isNextRound } of entries) {
      // Direct it was asked in the call, where both are of the legacy era.
      if (isNextRound) continue;
      if (!ONLY_THE_FIXTURE.has(method) || !isHeld(target)) continue;
      // No arguments and empty ones are the same call.
      const call = `${method} ${target ?? ''} ${JSON.stringify(args ?? {})}`;
      counts.set(call, (counts.get(call) ?? 0) + 1);
    }
    return counts;
  };
  const [expected, found] = [tally(direct), tally(gateway)];
  const problems: string[] = [];
  for (const call of new Set([...expected.keys(), ...found.keys()])) {
    const [wanted, arrived] = [expected.get(call) ?? 0, found.get(call) ?? 0];
    if (arrived < wanted) problems.push(`NOT REACHED: ${call}: ${arrived} of ${wanted} arrived`);
    if (arrived > wanted) problems.push(`RAN AGAIN: ${call}: ${arrived} times instead of ${wanted}`);
  }
  return problems;
}

type Pair = readonly [direct: Exchange, gateway: Exchange | undefined];

/** Requests are paired by what they ask, in order: their ids differ between two runs of some scenarios. */
function paired(direct: readonly Exchange[], gateway: readonly Exchange[]): [string, Pair[]][] {
  const [expected, found] = [byQuestion(direct), byQuestion(gateway)];
  return [...expected].map(([question, answers]) => [
    question,
    answers.map((answer, index): Pair => [answer, found.get(question)?.[index]]),
  ]);
}

/**
 * @param refuses   whether the gateway may answer what the server refuses; its error is compared all the same
 * @param isLegacy  whether the server behind is of the legacy era, which gives its questions no names
 */
function differentAnswers(
  question: string,
  pairs: readonly Pair[],
  refuses: Judges,
  isLegacy: boolean,
): string[] {
  return pairs.flatMap(([answer, other], index) => {
    if (other === undefined) {
      return [`NOT ASKED: ${question}: the suite did not come to its request ${index + 1}`];
    }
    const isRefused = answer.received.some(({ error }) => error !== undefined);
    const own = !answer.handled || (isRefused && refuses(targetOf(objectAt(answer.sent ?? {}, 'params'))));
    const [expected, found] = [answer, other].map((each) => comparable(each, own, isLegacy));
    const difference = firstDifference(expected, found);
    return difference === undefined ? [] : [`CHANGED: ${question}: ${difference}`];
  });
}

function byQuestion(exchanges: readonly Exchange[]): Map<string, Exchange[]> {
  const questions = new Map<string, Exchange[]>();
  for (const exchange of exchanges) {
    const { sent } = exchange;
    if (sent === undefined || typeof sent.method !== 'string' || sent.id === undefined) continue;
    const target = targetOf(objectAt(sent, 'params'));
    const question = target === undefined ? sent.method : `${sent.method} ${target}`;
    questions.set(question, [...(questions.get(question) ?? []), exchange]);
  }
  return questions;
}

/** The caller's token is the one thing that must never arrive; the fixture is configured without any. */
function leaks(journal: readonly JournalEntry[]): string[] {
  const leaked = journal.some(({ headers }) => headers.authorization !== undefined);
  return leaked ? ["LEAKED: the caller's Authorization header reached the fixture"] : [];
}
