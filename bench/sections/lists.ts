import type { Bench } from '../measure/bench.ts';
import { type Cell, compare, ratioOf, rowIn, type Summary } from '../measure/compare.ts';
import { type Goal, times } from '../report/goals.ts';
import { cellBlocks } from '../report/rows.ts';
import { COMPARED, eras } from './calls.ts';
import type { Section } from './section.ts';

const TARGETS = ['direct', 'limit', 'switchboard', 'naive-v1', 'naive-v2'];

export const lists: Section = {
  key: 'lists',
  title: 'tools/list, 500 tools of ten downstreams',
  text: `The practical limit answers with bytes that never change: a static response. The direct list has the fifty tools of one
downstream, and that of the SDK v1 aggregator the 250 of its legacy downstreams. The naive aggregators ask their downstreams
each time, as far as their clients do not remember the answer.`,
  async run(bench) {
    const summary = await compareOfEach(bench, 'list', 260);
    const goals = [...summary].map(
      ([{ era }, rows]): Goal => ({
        name: `${era}: tools/list of 500 tools, × a static response of the same bytes`,
        value: ratioOf(rowIn(rows, 'switchboard'), rowIn(rows, 'limit')),
        bound: 'at most',
        limit: 1.2,
        show: times,
      }),
    );
    return { blocks: cellBlocks(summary), goals };
  },
};

export const cold: Section = {
  key: 'cold',
  title: 'Cold conversation',
  text: `A new connection, \`server/discover\` or \`initialize\`, tools/list, one tools/call: what a voice session begins with. A
"call" below is all of that.`,
  async run(bench) {
    const summary = await compareOfEach(bench, 'cold', 300);
    const goals = [...summary].map(
      ([{ era }, rows]): Goal => ({
        name: `${era}: cold conversations a second, × the naive aggregator on SDK v2`,
        value: ratioOf(rowIn(rows, 'switchboard'), rowIn(rows, 'naive-v2'), ({ perSecond }) => perSecond),
        bound: 'at least',
        limit: 10,
        show: times,
      }),
    );
    return { blocks: cellBlocks(summary), goals };
  },
};

/** What callers of either era ask for, 16 of them at once. */
async function compareOfEach(bench: Bench, kind: 'list' | 'cold', sliceMs: number): Promise<Summary> {
  const cells = eras.map((era): Cell => ({ kind, era, downstreamEra: era, callers: 16 }));
  return compare(bench, await bench.up(TARGETS, COMPARED), {
    cells,
    rounds: bench.quick ? 1 : 5,
    sliceMs: bench.quick ? 100 : sliceMs,
    warmUp: { cells: bench.quick ? [] : cells, ms: 900, atLeast: 1000 },
  });
}
