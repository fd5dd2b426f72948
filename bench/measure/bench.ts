// What the sections of a run share: the downstreams, the load generator, and the targets, each started when it is first asked for.

import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { type Scene, standard } from '../scene.ts';
import { targets, variants } from '../targets/table.ts';
import type { Fixture, Ground, Started, Target } from '../targets/target.ts';
import { createLoad, type Load } from './load.ts';
import { createLauncher, type How, type Launcher, type LauncherOptions } from './processes.ts';

export interface Running extends Started {
  readonly target: Target;
}

export interface Bench {
  /** To see that everything works, not what it costs. */
  readonly quick: boolean;
  /** For its files. */
  readonly directory: string;
  readonly load: Load;
  /**
   * The targets of these keys, without those that cannot run here or were not asked for.
   *
   * @param several  the keys of those that are wanted as several processes: of the same code one can differ from another for
   *                 as long as they run. They stand apart, so that what disturbs one does not disturb the next of them
   */
  up(keys: readonly string[], several?: readonly string[]): Promise<Running[]>;
  /** A process of its own, for its asker to stop. */
  start(target: Target, scene?: Scene, how?: How): Promise<Running>;
  /** As `start`, but not waited for, and free to use every core: what it waits for meanwhile is the work of others. */
  begin(target: Target, scene?: Scene): Promise<Started>;
  /** Those of the keys that were asked for and can run here. */
  chosen(keys: readonly string[]): Target[];
  tell(what: string): void;
  stop(): Promise<void>;
}

export interface BenchOptions extends Pick<LauncherOptions, 'directory' | 'core' | 'profileDirectory'> {
  readonly quick: boolean;
  /** The keys of the targets that may run; all where nothing is said. */
  readonly only: readonly string[] | undefined;
}

/** Of those that are wanted several times. */
export const COPIES = 3;

export async function openBench({ quick, only, ...options }: BenchOptions): Promise<Bench> {
  const launcher = createLauncher(options);
  const launchers = {
    collectable: createLauncher({ ...options, how: 'collectable' }),
    countable: createLauncher({ ...options, how: 'countable' }),
    simulated: createLauncher({ ...options, how: 'simulated' }),
  };
  const unpinned = createLauncher({ ...options, core: undefined });
  const { child, ports } = await launcher.startServer('fixture', 'targets/fixture.ts', []);
  const fixture: Fixture = { pid: child.pid, ports };
  const load = createLoad(launcher.startOwn('load', 'load/generator.ts'));
  const running = new Map<string, Running>();
  const tell = (what: string) => void process.stderr.write(`${what}\n`);

  async function ground(scene: Scene, by: Launcher): Promise<Ground> {
    const directory = await mkdtemp(join(options.directory, 'target-'));
    return { launcher: by, fixture, directory, scene };
  }

  const start: Bench['start'] = async (target, scene = standard, how) => {
    const started = await target.start(await ground(scene, how === undefined ? launcher : launchers[how]));
    const one = { target, ...started };
    try {
      await waitUntilReady(load, one);
      return one;
    } catch (error) {
      // It would go on beside all that is measured later.
      await one.child.stop();
      throw error;
    }
  };

  const chosen = (keys: readonly string[]) =>
    [...targets, ...variants].filter(
      ({ key, missing }) => keys.includes(key) && only?.includes(key) !== false && missing?.() === undefined,
    );

  return {
    quick,
    directory: options.directory,
    load,
    tell,
    start,
    chosen,
    begin: async (target, scene = standard) => target.start(await ground(scene, unpinned)),
    async up(keys, several = []) {
      const all: Running[] = [];
      for (let copy = 1; copy <= (quick ? 1 : COPIES); copy++) {
        for (const target of chosen(copy === 1 ? keys : several)) {
          const name = `${target.key} ${copy}`;
          const one = running.get(name) ?? (await start(target));
          running.set(name, one);
          all.push(one);
        }
      }
      return all;
    },
    async stop() {
      await Promise.all([launcher, unpinned, ...Object.values(launchers)].map((one) => one.stopAll()));
    },
  };
}

/** Starts one for this, and stops it, whichever way that ends: it would go on beside all that is measured later. */
export async function whileRunning<T>(
  start: () => Promise<Running>,
  use: (one: Running) => Promise<T>,
): Promise<T> {
  const one = await start();
  try {
    return await use(one);
  } finally {
    await one.child.stop();
  }
}

/** One whose instructions are counted takes half a minute. */
const READY_WITHIN_MS = 120_000;

/** Waits until a target lists what it should. @throws when it does not in time */
async function waitUntilReady(load: Load, one: Running): Promise<void> {
  for (const began = performance.now(); ; ) {
    try {
      await listOnce(load, one);
      return;
    } catch (cause) {
      if (performance.now() - began > READY_WITHIN_MS)
        throw new Error(`${one.target.key} is not ready: ${String(cause)}\n${one.child.output()}`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** @throws unless it lists what it should */
export async function listOnce(
  load: Load,
  { address, target }: Pick<Running, 'address' | 'target'>,
): Promise<void> {
  const era = target.onlyEra ?? (address.scene.eras === 'legacy' ? 'legacy' : 'modern');
  await load.connect({ kind: 'list', era, downstreamEra: era, callers: 1, durationMs: 0, target: address });
  await load.run();
}
