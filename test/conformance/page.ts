import { table } from '../support/markdown.ts';
import type { Eras } from './fixture/fixture.ts';
import type { Verdict } from './judge.ts';
import type { ClientOutcome, Outcome } from './report.ts';
import { NOT_RUN, type Run, type Scenario } from './scenarios.ts';

const HEAD = `# Conformance

The official suite, [\`@modelcontextprotocol/conformance\`](https://github.com/modelcontextprotocol/conformance), in both of
its lines: 0.1.16, which speaks 2025-11-25, and 0.2.0-alpha.12, which speaks that and 2026-07-28. One command repeats all of
it, and fails if anything is other than this page says:

\`\`\`sh
npm run conformance
\`\`\`

This page is made by it, with \`npm run conformance -- --write\`.

**Servers.** A server of ours that has all that the suite asks for is tested direct and through the gateway; there once with
both eras, of which the gateway takes 2026-07-28, and once with the legacy era alone. \`equal\` means more than that the
scenario passes: each check has the same outcome, the server got the same calls, and the answers on the wire are the same
as from the server of both eras, direct. **Client.** The gateway stands in front of the scenario's own server; the suite
judges what it sends.
`;

/** What a run of everything came to. The same run gives the same page. */
export function pageText(outcomes: readonly Outcome[], clientOutcomes: readonly ClientOutcome[]): string {
  const servers = sectionsOf(
    outcomes,
    '',
    ['Scenario', 'Direct', 'Through the gateway', 'The same, legacy server'],
    (outcome, notes) => [
      outcome.direct.problems.length === 0 ? 'passes' : 'fails',
      ...outcome.gateways.map(({ eras, verdict }) => throughGateway(outcome.scenario, eras, verdict, notes)),
    ],
  );
  const clients = sectionsOf(
    clientOutcomes,
    ', client',
    ['Scenario', 'The gateway'],
    ({ scenario, verdict }) => [said(scenario, verdict.problems.length === 0, 'passes')],
  );
  const notRun = NOT_RUN.map(([names, side, reason]) => [`\`${names}\``, side, reason]);
  const last = `## Not run\n\n${table(['Scenarios', 'Side', 'Why'], notRun)}\n`;
  return [HEAD, ...servers, ...clients, last].join('\n');
}

function throughGateway(scenario: Scenario, eras: Eras, { problems }: Verdict, notes: Notes): string {
  const refusals = Object.values(scenario.refusesItself ?? {});
  const { checks = {}, calls = {} } = (eras === 'legacy' && scenario.beforeLegacy) || {};
  const numbers = [...new Set([...Object.values(checks), ...Object.values(calls)])].map((reason) => {
    const whats = [checks, calls].flatMap((by) => Object.keys(by).filter((what) => by[what] === reason));
    return notes.add(`${[...new Set(whats)].map((what) => `\`${what}\``).join(', ')}: ${reason}.`);
  });
  const equal = numbers.length === 0 ? 'equal' : `equal, but (${numbers.join(', ')})`;
  const own = refusals.length === 0 ? '' : `; the gateway refuses itself: ${refusals.join('; ')}`;
  return said(scenario, problems.length === 0, equal + own);
}

/** What stands below a table. */
class Notes {
  readonly #texts: string[] = [];

  /** @returns  its number */
  add(text: string): number {
    if (!this.#texts.includes(text)) this.#texts.push(text);
    return this.#texts.indexOf(text) + 1;
  }

  get lines(): string[] {
    if (this.#texts.length === 0) return [];
    return [
      '',
      'Before a server of the legacy era:',
      '',
      ...this.#texts.map((text, index) => `${index + 1}. ${text}`),
    ];
  }
}

function said({ covered, unscored }: Scenario, isGood: boolean, good: string): string {
  const remark = unscored === true ? ' (not scored by the suite)' : '';
  if (covered !== true) return `${isGood ? 'passes all the same' : 'no'}: ${covered}${remark}`;
  return `${isGood ? good : 'fails'}${remark}`;
}

interface Named {
  readonly run: Run;
  readonly name: string;
}

function sectionsOf<T extends Named>(
  outcomes: readonly T[],
  side: string,
  head: readonly string[],
  cells: (outcome: T, notes: Notes) => string[],
): string[] {
  return [...new Set(outcomes.map(({ run }) => run))].map((run) => {
    const notes = new Notes();
    const rows = outcomes
      .filter((outcome) => outcome.run === run)
      .map((outcome) => [`\`${outcome.name}\``, ...cells(outcome, notes)]);
    const title = `## Suite ${run.suite}, specification ${run.specVersion}${side}`;
    return [title, '', table(head, rows), ...notes.lines, ''].join('\n');
  });
}
