import { figureTable } from '../../test/support/markdown.ts';
import type { Running } from '../measure/bench.ts';
import { compare, type Plan } from '../measure/compare.ts';
import { median } from '../measure/statistics.ts';
import type { Goal } from '../report/goals.ts';
import { barPlot } from '../report/plots.ts';
import { cost } from '../report/rows.ts';
import type { Scene } from '../scene.ts';
import { targetOf } from '../targets/table.ts';
import { callCell } from './calls.ts';
import type { Section } from './section.ts';

const of = (downstreams: number, toolsEach: number): Scene => ({ downstreams, toolsEach, eras: 'modern' });
const usual = of(10, 50);
const most = of(50, 10);
const byDownstreams = [of(1, 500), most];
const byTools = [of(10, 1), of(10, 500)];
const scenes = [...byDownstreams, usual, ...byTools];
const keys = ['limit', 'switchboard'];

const call = callCell('modern', 16);
const list = { ...call, kind: 'list' } as const;

/** CPU time of one call and one list of one target in one scene, one for each start. */
interface Costs {
  readonly call: number[];
  readonly list: number[];
}

export const scale: Section = {
  key: 'scale',
  title: '1 to 50 downstreams, 10 to 5 000 tools',
  text: `Modern callers and downstreams, 16 at once, calls of 1 KiB that go round all tools. Of the same
code one process can differ from another for as long as it runs, so each was started five times, and the middle one counts.`,
  async run(bench) {
    const costs = new Map(keys.map((key) => [key, new Map(scenes.map((scene) => [scene, noCosts()]))]));
    const present = bench.chosen(bench.quick ? ['switchboard'] : keys);
    for (let start = 1; start <= (bench.quick ? 1 : 5); start++) {
      bench.tell(`  start ${start}`);
      const running: [Running, Costs | undefined][] = [];
      // A copy: those of one target would be one row.
      for (const target of present)
        for (const scene of bench.quick ? [usual, most] : scenes)
          running.push([await bench.start({ ...target }, scene), costs.get(target.key)?.get(scene)]);
      const summary = await compare(
        bench,
        running.map(([one]) => one),
        planOf(bench.quick),
      );
      for (const [{ kind }, rows] of summary)
        for (const [at, { cpuMsPerCall }] of rows.entries())
          running[at]?.[1]?.[kind === 'list' ? 'list' : 'call'].push(cpuMsPerCall);
      await Promise.all(running.map(([{ child }]) => child.stop()));
    }
    const costsOf = (key: string, scene: Scene) => costs.get(key)?.get(scene) ?? noCosts();
    const toUsual = (key: string, scene: Scene) =>
      median(costsOf(key, scene).call) / median(costsOf(key, usual).call);
    const measured = scenes.filter((scene) =>
      present.every(({ key }) => costsOf(key, scene).call.length > 0),
    );
    const lines = measured.flatMap((scene) =>
      present.map(({ key, title }) => [
        titleOf(scene),
        title,
        cost(median(costsOf(key, scene).call)),
        toUsual(key, scene).toFixed(3),
        cost(median(costsOf(key, scene).list)),
      ]),
    );
    const flat = (name: string, compared: readonly Scene[]): Goal => {
      const off = compared.map((scene) => toUsual('switchboard', scene) - 1).filter(Number.isFinite);
      const farthest = Math.max(...off.map(Math.abs));
      return {
        name,
        value:
          off.length === compared.length
            ? { median: farthest, lowest: farthest, highest: farthest }
            : undefined,
        bound: 'at most',
        limit: 0.05,
        show: (value) => `${(value * 100).toFixed(1)} %`,
      };
    };
    return {
      blocks: [figureTable(['', 'target', 'CPU per call', '× usual', 'CPU per list'], lines)],
      goals: [
        flat('CPU per call off that of 10 downstreams, with 1 and 50', byDownstreams),
        flat('CPU per call off that of 500 tools, with 10 and 5 000', byTools),
      ],
      plots: [
        barPlot({
          file: 'cpu-by-scale',
          title: 'CPU time of one tools/call by what stands behind',
          unit: 'µs',
          linear: true,
          bars: measured.flatMap((scene) =>
            present.map(({ key }) => ({
              label: `${titleOf(scene)}: ${targetOf(key).title}`,
              value: median(costsOf(key, scene).call) * 1000,
              isOwn: key === 'switchboard',
            })),
          ),
        }),
      ],
    };
  },
};

function planOf(quick: boolean): Plan {
  const cells = [call, list];
  return quick
    ? { cells, rounds: 1, sliceMs: 60, warmUp: { cells: [call], ms: 60, atLeast: 0 } }
    : { cells, rounds: 5, sliceMs: 200, warmUp: { cells: [call], ms: 800, atLeast: 6000 } };
}

function noCosts(): Costs {
  return { call: [], list: [] };
}

function titleOf({ downstreams, toolsEach }: Scene): string {
  return `${downstreams} downstream${downstreams === 1 ? '' : 's'}, ${downstreams * toolsEach} tools`;
}
