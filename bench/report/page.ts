import type { Findings, Section } from '../sections/section.ts';
import { goalTable } from './goals.ts';

export interface PageInput {
  readonly found: ReadonlyMap<Section, Findings>;
  readonly machine: readonly string[];
  /** What did not run, and why. */
  readonly missing: readonly string[];
  readonly command: string;
  readonly date: string;
  /** Whether the plots stand beside the page. */
  readonly withPlots: boolean;
}

/** The whole of RESULTS.md. */
export function writePage({ found, machine, missing, command, date, withPlots }: PageInput): string {
  const sections = [...found].flatMap(([{ title, text }, { blocks, plots = [] }]) => [
    `## ${title}`,
    text,
    ...(withPlots ? plots.map((plot) => `![${plot.title}](plots/${plot.file}.svg)`) : []),
    ...blocks,
  ]);
  return `${[
    '# Benchmark results',
    `Written by \`${command}\` on ${date}. Every figure is from that one run on one machine:`,
    [...machine, ...missing].map((line) => `- ${line}`).join('\n'),
    '## The goals',
    'Each is a ratio or a figure of this one run: the median of the rounds decides.',
    goalTable([...found.values()].flatMap(({ goals = [] }) => goals)),
    ...sections,
    howToRead,
  ].join('\n\n')}\n`;
}

const howToRead = `## How to read this

- **CPU per call** is the main figure: CPU time, user and system, of the gateway's process, all its threads and children
  included. 1 / (CPU per call) is what one core can carry. The direct row shows the downstream's own.
- **× limit** and **of naive v2** compare CPU per call within a round. Trust these ratios and not the times, which move with
  the machine and its neighbours; and of the ratios not the last tenth: two processes of the same code differ by several
  percent from start to start.
- All targets of a section are up at once and take slices in turn, round after round; figures are medians over the rounds.
  Before anything is measured each was warm, by time and by number of calls. Where most depends on it, limit and Switchboard
  are three processes each, and in each round the middle one counts.
- Requests per second and latencies belong to everything together, load generator and downstreams included. With one core
  for all they tell what a gateway adds, not what a deployment reaches. The p99 of a slow target rests on few calls.
- **nginx** and the **raw reverse proxy** know nothing of MCP: the path says which downstream, and names are those of the
  downstream. They cannot merge lists, so they are missing where it comes to that.
- The **practical limit** is no product. It compares the token, parses the request, maps the name, writes the request anew
  and passes the answer on unparsed. It has no size limits, deadlines, cancellation or log, nothing to say for a
  downstream that fails, and leaves an answer as it is when caller and downstream are of different eras.
- The **naive aggregators** are what the documentation of the SDKs shows: \`createMcpHandler\` on node:http (v2), Express
  and a transport for each request (v1), with a low-level \`Server\` for each request and one SDK client for each
  downstream. They have nothing of that either. SDK v1 knows the legacy era alone.
- Switchboard and the naive aggregators answer a legacy caller that accepts event streams with one (OpenAI's legacy client
  needs it); the limit and the downstreams answer as the downstream does, with JSON.
- Loopback, no TLS, one text block a result, downstreams that answer at once. A real downstream takes milliseconds: beside
  them, what is measured here shows in how many processes are needed, not in how long a caller waits.
- Every answer was checked: status, id, and a text that differs for each call. A wrong one ends its section, which then says so, and has no
  goals above; of another gateway, its part.`;
