import type { Eras } from './fixture/fixture.ts';
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
  /** By what the server behind the gateway speaks; none where only the direct leg was run. */
  readonly gateways: readonly { readonly eras: Eras; readonly verdict: GatewayVerdict }[];
}

/** Whether an outcome is one that fails the whole command: so does a check that passes and is said not to. */
export function isUnexpected({ scenario, direct, gateways }: Outcome): boolean {
  if (direct.problems.length > 0) return true;
  return scenario.covered === true && gateways.some(({ verdict }) => problemsOf(verdict).length > 0);
}

const problemsOf = ({ problems, passAlready }: GatewayVerdict): string[] => [
  ...problems,
  ...passAlready.map((id) => `${id} passes, and is said not to`),
];

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
      ...own.map((outcome) => row(outcome.name, [clientText(outcome)], clientNote(outcome.scenario))),
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
    row('scenario', ['direct', ...(outcomes[0]?.gateways ?? []).map(({ eras }) => eras)], ''),
    '-'.repeat(WIDTH),
    ...outcomes.map((outcome) =>
      row(
        outcome.name,
        [
          legText(outcome.direct),
          ...outcome.gateways.map(({ verdict }) => gatewayText(outcome.scenario, verdict)),
        ],
        note(outcome),
      ),
    ),
    ...totals(outcomes),
  ];
}

function row(name: string, legs: readonly string[], remark: string): string {
  const line = [name.padEnd(NAME_WIDTH), ...legs.map((leg) => leg.padEnd(LEG_WIDTH)), remark].join('');
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line.trimEnd();
}

function legText({ passed, total, problems }: Verdict): string {
  return problems.length === 0 ? `ok ${passed}/${total}` : `BAD ${passed}/${total}`;
}

function gatewayText(scenario: Scenario, verdict: GatewayVerdict): string {
  if (scenario.covered === true) return legText(verdict);
  return verdict.problems.length === 0 ? 'already' : 'not yet';
}

function note(outcome: Outcome): string {
  const { scenario, direct, gateways } = outcome;
  if (isUnexpected(outcome)) {
    const [leg, problems] =
      direct.problems.length > 0
        ? ['direct', direct.problems]
        : ['gateway', gateways.flatMap(({ verdict }) => problemsOf(verdict))];
    return `${leg}: ${problems.length} problem${problems.length === 1 ? '' : 's'}, see below`;
  }
  const remarks = scenario.unscored === true ? ['unscored'] : [];
  if (scenario.covered !== true) remarks.push(scenario.covered);
  return remarks.join('; ');
}

function totals(outcomes: readonly Outcome[]): string[] {
  const fraction = (list: readonly Outcome[], good: (outcome: Outcome) => boolean): string =>
    `${list.filter(good).length}/${list.length}`;
  const scored = outcomes.filter(({ scenario }) => scenario.unscored !== true);
  const unscored = outcomes.filter(({ scenario }) => scenario.unscored === true);
  const directOk = ({ direct }: Outcome): boolean => direct.problems.length === 0;
  const covered = outcomes.filter(({ scenario }) => scenario.covered === true);
  const open = outcomes.filter(({ scenario }) => scenario.covered !== true);
  return [
    '',
    `direct: ${fraction(scored, directOk)}` +
      (unscored.length === 0 ? '' : ` and ${fraction(unscored, directOk)} unscored`),
    ...(outcomes[0]?.gateways ?? []).map(({ eras }, index) => {
      const gatewayOk = ({ gateways }: Outcome) => gateways[index]?.verdict.problems.length === 0;
      return (
        `through the gateway, the server behind speaks ${eras === 'both' ? 'both eras' : `the ${eras} era`}: ` +
        `${fraction(covered, gatewayOk)} of what it is held to; ` +
        `${open.length} not yet, ${open.filter(gatewayOk).length} of them pass already`
      );
    }),
  ];
}

function detailLines(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap(({ run, name, direct, gateways }) => [
    '',
    `${name} (suite ${run.suite}, specification ${run.specVersion})`,
    ...direct.problems.map((problem) => `  direct: ${problem}`),
    ...gateways.flatMap(({ eras, verdict }) =>
      problemsOf(verdict).map((problem) => `  gateway before ${eras}: ${problem}`),
    ),
  ]);
}
