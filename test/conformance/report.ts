import type { GatewayVerdict, Verdict } from './judge.ts';
import type { Run, Scenario } from './scenarios.ts';

const WIDTH = 100;
const NAME_WIDTH = 46;
const LEG_WIDTH = 10;

export interface Outcome {
  readonly run: Run;
  readonly name: string;
  readonly scenario: Scenario;
  readonly direct: Verdict;
  /** Undefined when only the direct leg was run. */
  readonly gateway: GatewayVerdict | undefined;
}

/** Whether an outcome is one that fails the whole command. */
export function isUnexpected({ scenario, direct, gateway }: Outcome): boolean {
  if (direct.problems.length > 0) return true;
  return scenario.covered === true && gateway !== undefined && gateway.problems.length > 0;
}

export interface ClientOutcome {
  readonly run: Run;
  readonly name: string;
  readonly scenario: Scenario;
  readonly verdict: Verdict;
}

export function isUnexpectedClient({ scenario, verdict }: ClientOutcome): boolean {
  return scenario.covered === true && verdict.problems.length > 0;
}

/** What the gateway sends, as a client of the scenario's server. */
export function clientLines(runs: readonly Run[], outcomes: readonly ClientOutcome[]): string[] {
  const lines = runs.flatMap((run) => {
    const own = outcomes.filter((outcome) => outcome.run === run);
    if (own.length === 0) return [];
    return [
      '',
      `suite ${run.suite}, specification ${run.specVersion}: the gateway as client`,
      '-'.repeat(WIDTH),
      ...own.map((outcome) => row(outcome.name, clientText(outcome), '', clientNote(outcome.scenario))),
    ];
  });
  const details = outcomes
    .filter(isUnexpectedClient)
    .flatMap(({ run, name, verdict }) => [
      '',
      `${name} (suite ${run.suite}, specification ${run.specVersion})`,
      ...verdict.problems.map((problem) => `  client: ${problem}`),
    ]);
  return [...lines, ...details];
}

function clientText({ scenario, verdict }: ClientOutcome): string {
  if (scenario.covered === true) return legText(verdict);
  return verdict.problems.length === 0 ? 'already' : 'not yet';
}

const clientNote = ({ covered, unscored }: Scenario) =>
  covered === true ? (unscored === true ? 'unscored' : '') : covered;

/** The whole report as lines of at most 100 columns, but for the details of what went wrong. */
export function reportLines(runs: readonly Run[], outcomes: readonly Outcome[]): string[] {
  return [
    ...runs.flatMap((run) =>
      runLines(
        run,
        outcomes.filter((outcome) => outcome.run === run),
      ),
    ),
    ...detailLines(outcomes.filter(isUnexpected)),
  ];
}

function runLines({ suite, specVersion }: Run, outcomes: readonly Outcome[]): string[] {
  if (outcomes.length === 0) return [];
  return [
    '',
    `suite ${suite}, specification ${specVersion}`,
    '-'.repeat(WIDTH),
    row('scenario', 'direct', 'gateway', ''),
    '-'.repeat(WIDTH),
    ...outcomes.map((outcome) =>
      row(
        outcome.name,
        legText(outcome.direct),
        outcome.gateway === undefined ? '' : gatewayText(outcome, outcome.gateway),
        note(outcome),
      ),
    ),
    ...totals(outcomes),
  ];
}

function row(name: string, direct: string, gateway: string, remark: string): string {
  const line = `${name.padEnd(NAME_WIDTH)}${direct.padEnd(LEG_WIDTH)}${gateway.padEnd(LEG_WIDTH)}${remark}`;
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line.trimEnd();
}

function legText({ passed, total, problems }: Verdict): string {
  return problems.length === 0 ? `ok ${passed}/${total}` : `BAD ${passed}/${total}`;
}

function gatewayText({ scenario }: Outcome, verdict: GatewayVerdict): string {
  if (scenario.covered === true) return legText(verdict);
  return verdict.problems.length === 0 ? 'already' : 'not yet';
}

function note(outcome: Outcome): string {
  const { scenario, direct, gateway } = outcome;
  if (isUnexpected(outcome)) {
    const [leg, problems] =
      direct.problems.length > 0 ? ['direct', direct.problems] : ['gateway', gateway?.problems ?? []];
    return `${leg}: ${problems.length} problem${problems.length === 1 ? '' : 's'}, see below`;
  }
  const remarks = scenario.unscored === true ? ['unscored'] : [];
  const listed = Object.keys(scenario.checksNotYet ?? {}).length;
  if (scenario.covered !== true) remarks.push(scenario.covered);
  else if (listed > 0 && gateway !== undefined) {
    remarks.push(`${listed} checks not yet, ${gateway.passAlready.length} pass already`);
  }
  return remarks.join('; ');
}

function totals(outcomes: readonly Outcome[]): string[] {
  const fraction = (list: readonly Outcome[], good: (outcome: Outcome) => boolean): string =>
    `${list.filter(good).length}/${list.length}`;
  const scored = outcomes.filter(({ scenario }) => scenario.unscored !== true);
  const unscored = outcomes.filter(({ scenario }) => scenario.unscored === true);
  const directOk = ({ direct }: Outcome): boolean => direct.problems.length === 0;
  const lines = [
    '',
    `direct: ${fraction(scored, directOk)}` +
      (unscored.length === 0 ? '' : ` and ${fraction(unscored, directOk)} unscored`),
  ];
  if (outcomes.every(({ gateway }) => gateway === undefined)) return lines;

  const covered = outcomes.filter(({ scenario }) => scenario.covered === true);
  const open = outcomes.filter(({ scenario }) => scenario.covered !== true);
  const gatewayOk = ({ gateway }: Outcome): boolean => gateway?.problems.length === 0;
  lines.push(
    `through the gateway: ${fraction(covered, gatewayOk)} of what it is held to; ` +
      `${open.length} not yet, ${open.filter(gatewayOk).length} of them pass already`,
  );
  return lines;
}

function detailLines(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap(({ run, name, direct, gateway }) => [
    '',
    `${name} (suite ${run.suite}, specification ${run.specVersion})`,
    ...direct.problems.map((problem) => `  direct: ${problem}`),
    ...(gateway?.problems ?? []).map((problem) => `  gateway: ${problem}`),
  ]);
}
