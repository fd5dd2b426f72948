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

**Servers.** A server of ours that has all that the suite asks for is tested direct and through the gateway. \`equal\` means
more than that the scenario passes: each check has the same outcome, the server got the same calls, and the answers on the
wire are the same. **Client.** The gateway stands in front of the scenario's own server; the suite judges what it sends.
`;

/** What a run of everything came to. The same run gives the same page. */
export function pageText(outcomes: readonly Outcome[], clientOutcomes: readonly ClientOutcome[]): string {
  const servers = sectionsOf(outcomes, '', ['Scenario', 'Direct', 'Through the gateway'], (outcome) => [
    outcome.direct.problems.length === 0 ? 'passes' : 'fails',
    throughGateway(outcome),
  ]);
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

function throughGateway({ scenario, gateway }: Outcome): string {
  const refusals = Object.values(scenario.refusesItself ?? {});
  const equal = refusals.length === 0 ? 'equal' : `equal; the gateway refuses itself: ${refusals.join('; ')}`;
  return said(scenario, gateway?.problems.length === 0, equal);
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
  cells: (outcome: T) => string[],
): string[] {
  return [...new Set(outcomes.map(({ run }) => run))].map((run) => {
    const rows = outcomes
      .filter((outcome) => outcome.run === run)
      .map((outcome) => [`\`${outcome.name}\``, ...cells(outcome)]);
    return `## Suite ${run.suite}, specification ${run.specVersion}${side}\n\n${table(head, rows)}\n`;
  });
}

/** As the formatter has tables, so that the page stays as it was written. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] as number)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
