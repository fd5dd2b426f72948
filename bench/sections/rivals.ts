import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench, Running } from '../measure/bench.ts';
import {
  type Cell,
  compare,
  type Ratio,
  type Row,
  ratioOf,
  rowIn,
  type Summary,
} from '../measure/compare.ts';
import type { Goal } from '../report/goals.ts';
import { barPlot } from '../report/plots.ts';
import { cellBlocks } from '../report/rows.ts';
import { installRival, notHere, type Rival, rivals as table } from '../targets/rivals.ts';
import { COMPARED, callCell } from './calls.ts';
import type { Section } from './section.ts';

export const rivals: Section = {
  key: 'rivals',
  title: 'Other gateways on npm',
  text: `As published, with the servers behind, no log, and, where they have the choice, connections that are kept; legacy callers and
downstreams, which is what they know. Aggregators stand before ten downstreams with fifty tools each, bridges before one, which is less
to do. None of them compares a token. Sessions of those that have them stay: to end one may be to end a process, whose time would be lost.`,
  async run(bench) {
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-rivals-'));
    const failed: string[] = [];
    const running = await bench.up(COMPARED, COMPARED);
    const theirs: Running[] = [];
    try {
      for (const rival of table) {
        bench.tell(`  ${rival.name}`);
        try {
          theirs.push(await startRival(bench, rival, folder));
        } catch (error) {
          failed.push(`${rival.name} ${rival.version}: ${firstLine(error)}`);
        }
      }
      const summary = await compare(bench, [...running, ...theirs], {
        ...planOf(bench.quick),
        onFailure(one, { kind, callers }, error) {
          if (!theirs.includes(one)) throw error;
          failed.push(`${one.target.key}, ${kind}, ${callers} at once: ${firstLine(error)}`);
        },
      });
      const left = [...failed, ...notHere].map((line) => `- ${line}`).join('\n');
      return {
        blocks: [...cellBlocks(summary), `Not among them:\n\n${left}`],
        goals: goalOf(summary),
        plots: plotOf(summary),
      };
    } finally {
      await Promise.all(theirs.map(({ child }) => child.stop()));
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** One that answers wrongly is out before it can end the run. */
async function startRival(bench: Bench, rival: Rival, folder: string): Promise<Running> {
  const one = await bench.start(await installRival(rival, folder), rival.scene);
  try {
    const cells = [callCell('legacy', 4), { ...callCell('legacy', 2), kind: 'cold' } as const];
    await compare({ ...bench, tell: () => {} }, [one], { cells, rounds: 1, sliceMs: 0, atLeast: 4 });
    return one;
  } catch (error) {
    await one.child.stop();
    throw error;
  }
}

function planOf(quick: boolean) {
  const list: Cell = { ...callCell('legacy', 4), kind: 'list' };
  const cold: Cell = { ...callCell('legacy', 4), kind: 'cold' };
  const cells = [1, 16, 64].map((callers) => callCell('legacy', callers));
  const warmUp = { cells: [callCell('legacy', 16)], ms: quick ? 60 : 1500, atLeast: quick ? 0 : 3000 };
  return {
    cells: [...cells, list, cold],
    rounds: quick ? 1 : 5,
    sliceMs: quick ? 60 : 400,
    atLeast: quick ? 1 : 8,
    warmUp,
  };
}

function atSixteen(summary: Summary): readonly Row[] {
  return [...summary].find(([{ kind, callers }]) => kind === 'call' && callers === 16)?.[1] ?? [];
}

function goalOf(summary: Summary): Goal[] {
  const rows = atSixteen(summary);
  const own = rowIn(rows, 'switchboard');
  const others = rows
    .filter(({ key }) => key !== 'switchboard' && key !== 'limit')
    .map((row) => ({ name: row.key, ratio: ratioOf(row, own) as Ratio }))
    .sort((a, b) => a.ratio.median - b.ratio.median);
  const [nearest] = others;
  return [
    {
      name: `CPU per tools/call of the cheapest rival${nearest === undefined ? '' : ` (${nearest.name})`}, × Switchboard`,
      value: own === undefined ? undefined : nearest?.ratio,
      bound: 'at least',
      limit: 5,
      show: (value) => `${value.toFixed(1)} ×`,
    },
  ];
}

function plotOf(summary: Summary) {
  return [
    barPlot({
      file: 'rivals',
      title: 'CPU time of one tools/call (legacy, 1 KiB, 16 at once)',
      unit: 'µs, logarithmic',
      bars: atSixteen(summary).map(({ key, title, cpuMsPerCall }) => ({
        label: title.replace(/ \(.*/, ''),
        value: cpuMsPerCall * 1000,
        isOwn: key === 'switchboard',
      })),
    }),
  ];
}

/** Of an error and of what its process said: the end of a run's page is no place for more. */
function firstLine(error: unknown): string {
  return (String(error).split('\n')[0] ?? '').replaceAll('Error: ', '').slice(0, 200);
}
