import { figureTable } from '../../test/support/markdown.ts';
import { type Bench, COPIES, type Running } from '../measure/bench.ts';
import { whyNotCountable } from '../measure/callgrind.ts';
import { type Cell, rangeOf, runSlice } from '../measure/compare.ts';
import { median } from '../measure/statistics.ts';
import type { Goal } from '../report/goals.ts';
import { barPlot } from '../report/plots.ts';
import { cost } from '../report/rows.ts';
import type { Scene } from '../scene.ts';
import { callCell } from './calls.ts';
import { countCalls } from './instructions.ts';
import type { Section } from './section.ts';

const of = (downstreams: number, toolsEach: number): Scene => ({ downstreams, toolsEach, eras: 'modern' });
export const usual = of(10, 50);
export const mostDownstreams = of(50, 10);
export const mostTools = of(10, 500);
/** One thing is other than in the usual. */
const others = [of(1, 500), mostDownstreams, of(10, 1), mostTools];
const scenes = [usual, ...others];

const ROUNDS = 5;
const SLICES = 4;

const call = callCell('modern', 16);
const list = { ...call, kind: 'list' } as const;

/** CPU time in ms, of one process in one round. */
interface Costs {
  readonly call: number;
  readonly list: number;
}

export const scale: Section = {
  key: 'scale',
  title: '1 to 50 downstreams, 10 to 5 000 tools',
  text: `Modern callers and downstreams, 16 at once, calls of 1 KiB that go round all tools. Processes of the same code differ by
more than what is looked for here, so each of ${COPIES} has all of these behind it in turns: its \`servers.json\` changes while it
runs. What a call costs is compared with the usual within a process and a round. Its instructions are those of one process
more for each, as they are counted below: what the program itself does more where there is more behind it. The CPU time has
the kernel as well, which has more connections in turn.`,
  async run(bench) {
    const compared = bench.quick ? [usual, mostDownstreams] : scenes;
    const [target] = bench.chosen(['switchboard']);
    const costs = new Map(compared.map((scene): [Scene, Costs[]] => [scene, []]));
    if (target !== undefined) {
      const running: Running[] = [];
      try {
        for (let n = 1; n <= (bench.quick ? 1 : COPIES); n++) running.push(await bench.start(target, usual));
        for (let round = 1; round <= (bench.quick ? 1 : ROUNDS); round++) {
          bench.tell(`  round ${round}`);
          // Each time another is the first, and comes after another.
          const first = round % compared.length;
          for (const scene of [...compared.slice(first), ...compared.slice(0, first)])
            for (const one of running) costs.get(scene)?.push(await measure(bench, one, scene));
        }
      } finally {
        await Promise.all(running.map(({ child }) => child.stop()));
      }
    }
    const counts = new Map<Scene, number>();
    if (target !== undefined && !bench.quick && whyNotCountable() === undefined)
      for (const scene of compared) {
        bench.tell(`  instructions, ${titleOf(scene)}`);
        counts.set(scene, (await countCalls(bench, target.key, scene)).modern);
      }
    const measured = compared.filter((scene) => costs.get(scene)?.length);
    const callsOf = (scene: Scene) => (costs.get(scene) ?? []).map(({ call }) => call);
    const toUsual = (scene: Scene) => {
      const base = callsOf(usual);
      return callsOf(scene).map((ms, at) => ms / (base[at] ?? Number.NaN));
    };
    const countToUsual = (scene: Scene) =>
      (counts.get(scene) ?? Number.NaN) / (counts.get(usual) ?? Number.NaN);
    /** Less is as far off as more: what is looked for is that it does not depend on what stands behind. */
    const flat = (what: string, scene: Scene, ratios: readonly number[]): Goal => {
      const off = (ratio: number) => Math.abs(ratio - 1);
      const isKnown = ratios.length > 0 && ratios.every(Number.isFinite);
      return {
        name: `${what} with ${titleOf(scene)}, off that with ${titleOf(usual)}`,
        value: isKnown ? { ...rangeOf(ratios.map(off)), median: off(median(ratios)) } : undefined,
        bound: 'at most',
        limit: 0.05,
        show: (value) => `${(value * 100).toFixed(1)} %`,
      };
    };
    const lines = measured.map((scene) => {
      const { median: middle, lowest, highest } = rangeOf(toUsual(scene));
      return [
        titleOf(scene),
        cost(median(callsOf(scene))),
        middle.toFixed(3),
        `${lowest.toFixed(2)} – ${highest.toFixed(2)}`,
        counts.has(scene) ? countToUsual(scene).toFixed(3) : '–',
        cost(median((costs.get(scene) ?? []).map(({ list }) => list))),
      ];
    });
    return {
      blocks: [
        figureTable(
          ['', 'CPU per call', '× usual', 'lowest – highest', 'instructions, × usual', 'CPU per list'],
          lines,
        ),
      ],
      goals: [
        ...others.map((scene) => flat('CPU per call', scene, toUsual(scene))),
        ...others.map((scene) => flat('instructions of a call', scene, [countToUsual(scene)])),
      ],
      plots: [
        barPlot({
          file: 'cpu-by-scale',
          title: 'CPU time of one tools/call by what stands behind',
          unit: 'µs',
          linear: true,
          bars: measured.map((scene) => ({
            label: titleOf(scene),
            value: median(callsOf(scene)) * 1000,
            isOwn: true,
          })),
        }),
      ],
    };
  },
};

async function measure(bench: Bench, one: Running, scene: Scene): Promise<Costs> {
  if (one.change === undefined) throw new Error(`${one.target.key} keeps the scene it began with`);
  const changed = { ...one, address: await one.change(scene) };
  const slice = (cell: Cell, atLeast: number, durationMs = 0) =>
    runSlice(bench, changed, { ...cell, durationMs, atLeast });
  await slice(call, bench.quick ? 50 : 3000);
  const calls: number[] = [];
  for (let n = 1; n <= (bench.quick ? 1 : SLICES); n++)
    calls.push((await slice(call, bench.quick ? 50 : 800)).cpuMsPerCall);
  return { call: median(calls), list: (await slice(list, 0, bench.quick ? 60 : 200)).cpuMsPerCall };
}

export function titleOf({ downstreams, toolsEach }: Scene): string {
  return `${downstreams} downstream${downstreams === 1 ? '' : 's'}, ${downstreams * toolsEach} tools`;
}
