import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { figureTable } from '../../test/support/markdown.ts';
import { type Bench, listOnce } from '../measure/bench.ts';
import { cpuMs } from '../measure/cpu.ts';
import { memoryMiB } from '../measure/memory.ts';
import { median } from '../measure/statistics.ts';
import { below, ms } from '../report/goals.ts';
import { downstreamsOf, type Scene, standard } from '../scene.ts';
import { targetOf } from '../targets/table.ts';
import type { Started } from '../targets/target.ts';
import type { Section } from './section.ts';

const slowMs = 500;
const ten: Scene = { ...standard, toolsEach: 10 };
const fifty: Scene = { downstreams: 50, toolsEach: 10, eras: 'mixed' };
const fiftyLate: Scene = { ...fifty, slowMs };
const scenes = new Map([
  ['10 downstreams', ten],
  ['50 downstreams', fifty],
  [`50, one of them ${slowMs} ms late with each answer`, fiftyLate],
]);

/** V8 gives back what a start took when there was nothing to collect for nearly two minutes. */
const IDLE_MS = 130_000;

interface Began {
  readonly tookMs: number;
  readonly cpu: number;
  /** Only of the last start. */
  idleMiB?: number;
}

export const start: Section = {
  key: 'start',
  title: 'Start to first whole list, and idle memory',
  text: `From the start of the process until tools/list has all tools of all downstreams, asked for again each 5 ms. Ten tools each.
What starts may use every core, and its downstreams and who asks it keep to one: their work is not its own.
Memory is what is resident two minutes after the last start. The gateways written here are started through tsx, which takes a
while, too; the practical limit asks nobody: it is what Node, undici and tsx take. The aggregator on SDK v1 asks the older half.
What the slowest takes itself is what the SDK's client takes with it alone: of the newer era it is asked first, and it knows the older one.`,
  async run(bench) {
    const rest = async ({ child }: Started, one: Began) => {
      await sleep(bench.quick ? 50 : IDLE_MS);
      one.idleMiB = memoryMiB(child.pid, 'VmRSS');
      await child.stop();
    };
    const starts = bench.quick ? 1 : 5;
    const targets = bench.chosen(
      bench.quick ? ['switchboard'] : ['limit', 'switchboard', 'naive-v1', 'naive-v2'],
    );
    const began = new Map<string, Began[]>();
    for (let round = 1; round <= starts; round++) {
      bench.tell(`  start ${round} of ${starts}`);
      // Together, and beside what is started next.
      const resting: Promise<void>[] = [];
      for (const [name, scene] of bench.quick ? [...scenes].slice(1, 2) : scenes)
        for (const target of targets) {
          const key = `${name}\n${target.key}`;
          const startedAt = performance.now();
          const started = await bench.begin(target, scene);
          const list = () => listOnce(bench.load, { target, address: started.address });
          await waitForList(list).catch(async (error: unknown) => {
            await started.child.stop();
            throw error;
          });
          const tookMs = performance.now() - startedAt;
          const cpu = cpuMs(started.child.pid);
          const one: Began = { tookMs, cpu };
          began.set(key, [...(began.get(key) ?? []), one]);
          if (round < starts) await started.child.stop();
          else resting.push(rest(started, one));
        }
      await Promise.all(resting);
    }
    const valuesOf = (name: string, key: string, what: keyof Began) =>
      (began.get(`${name}\n${key}`) ?? []).flatMap((one) => one[what] ?? []);
    const lines = [...began.keys()].map((id) => {
      const [name = '', key = ''] = id.split('\n');
      const middle = (what: keyof Began) => median(valuesOf(name, key, what));
      return [
        name,
        targetOf(key).title,
        `${middle('tookMs').toFixed(0)} ms`,
        `${middle('cpu').toFixed(0)} ms`,
        megabytes(toMB(middle('idleMiB'))),
      ];
    });
    const [, atOnce = '', late = ''] = [...scenes.keys()];
    const slowestMs = began.has(`${late}\nswitchboard`) ? await timeAlone(bench, fiftyLate) : 0;
    return {
      blocks: [
        figureTable(['behind it', 'target', 'first whole list', 'CPU until then', 'idle memory'], lines),
      ],
      goals: [
        below('start to first list, 50 downstreams', valuesOf(atOnce, 'switchboard', 'tookMs'), 1000, ms),
        below(
          `start to first list, 50 downstreams, beyond the ${slowestMs.toFixed(0)} ms that the slowest takes itself`,
          valuesOf(late, 'switchboard', 'tookMs').map((took) => took - slowestMs),
          1000,
          ms,
        ),
        below(
          'idle process, 50 downstreams',
          valuesOf(atOnce, 'switchboard', 'idleMiB').map(toMB),
          90,
          megabytes,
        ),
      ],
    };
  },
};

/** @param value  in MiB */
export const toMB = (value: number) => (value * 2 ** 20) / 1e6;
export const megabytes = (value: number) => `${value.toFixed(1)} MB`;

/** How long the last downstream of the scene keeps the SDK's client, from the opening to its list. */
async function timeAlone(bench: Bench, scene: Scene): Promise<number> {
  const { address } = await bench.begin(targetOf('direct'), scene);
  const url = new URL(`http://127.0.0.1:${address.port}${downstreamsOf(scene).at(-1)?.path}`);
  const client = new Client({ name: 'bench', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  const startedAt = performance.now();
  await client.connect(new StreamableHTTPClientTransport(url));
  await client.listTools();
  const tookMs = performance.now() - startedAt;
  await client.close();
  return tookMs;
}

async function waitForList(list: () => Promise<void>): Promise<void> {
  for (const startedAt = performance.now(); ; ) {
    try {
      await list();
      return;
    } catch (cause) {
      if (performance.now() - startedAt > 30_000) throw cause;
      await sleep(5);
    }
  }
}
