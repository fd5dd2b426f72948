import type { Figure } from '../../bench/figures.ts';
import { table } from '../support/markdown.ts';
import type { JudgedSection, TestResult } from './results.ts';

export interface Measured {
  readonly command: string;
  readonly figures: readonly Figure[];
}

const HEAD = `# Reliability

What goes wrong between callers and servers, 93 ways of it, what is promised when it does, and how that is known. All of
it is repeated by one command, which fails if one of the tests does or a figure is over its limit:

\`\`\`sh
npm run reliability
\`\`\`

This page is made by it, with \`npm run reliability -- --write\`. The tests are part of \`npm test\`.

Most faults are scripts for a server that lies below HTTP, or on stdio: each is the answer to a call of a tool, a prompt, a
resource and a completion, and to the list at connect, in both eras, while a healthy server behind the same gateway is
called without a pause. After every test of the project nothing is open, nothing waits, no process lives, and no secret and
no terminal escape has left.
`;

/** What its figures are multiples of. */
const NEIGHBOUR = `What the calls of a healthy neighbour take at p99 is a multiple of what they take alone; where
the same calls go past the gateway meanwhile, of what they take then: bytes in such numbers cost every process on
the machine its processor, and the gateway is to add nothing to that.`;

/** The page, from what a run came to. */
export function pageText(
  sections: readonly JudgedSection[],
  measured: readonly Measured[],
  machine: { node: string; cores: number },
): string {
  const rows = sections.flatMap((section) => section.rows);
  const tables = sections.map(({ title, rows }) => {
    const cells = rows.map(({ id, promise, ways, outcome, tests, notHere }) => [
      id,
      promise,
      ways.join(', ') || 'nothing yet',
      outcome === 'not here' ? `not here: ${notHere}` : told(outcome, tests, notHere),
    ]);
    return `## ${title}\n\n${table(['', 'Promise', 'Proven by', 'Result'], cells)}\n`;
  });
  const figures = measured.flatMap(({ command, figures }) =>
    figures.map(({ name, value, unit, limit }) => [
      name,
      `${value} ${unit}`,
      limit === undefined ? '' : `${limit} ${unit}`,
      `\`${command}\``,
    ]),
  );
  const counts = ['passes', 'fails', 'not here'].map(
    (kind) => rows.filter(({ outcome }) => outcome === kind).length,
  );
  const summary = `Of ${rows.length} faults ${counts[0]} are proven, ${counts[1]} fail and ${counts[2]} are not shown here.`;
  const of = `## Figures\n\nOn ${machine.cores} cores, with Node ${machine.node}. ${NEIGHBOUR}\n\n`;
  const head = ['Figure', 'Measured', 'Limit', 'Command'];
  const fromTests = neighbourFigures(sections.flatMap(({ results }) => results));
  return [HEAD, `${summary}\n`, `${of}${table(head, [...figures, ...fromTests])}\n`, ...tables].join('\n');
}

function told(outcome: string, tests: number, notHere: string | undefined): string {
  const count = tests === 0 ? '' : `, ${tests} ${tests === 1 ? 'test' : 'tests'}`;
  return `${outcome}${count}${notHere === undefined ? '' : `; not here: ${notHere}`}`;
}

/** What the tests themselves measured. */
function neighbourFigures(results: readonly TestResult[]): string[][] {
  const neighbours = results.flatMap(({ meta }) => meta?.neighbour ?? []);
  const calls = neighbours.reduce((sum, each) => sum + each.calls, 0);
  const failed = neighbours.reduce((sum, each) => sum + each.failed, 0);
  const p99s = neighbours.map(({ p99Ms }) => p99Ms).sort((a, b) => a - b);
  const median = p99s[Math.floor(p99s.length / 2)] ?? 0;
  return [
    [`calls of the healthy neighbour that failed, of ${calls}`, `${failed}`, '0', '`npm test`'],
    [`p99 of the healthy neighbour, median of ${p99s.length} faults`, `${median} ms`, '', '`npm test`'],
  ];
}
