import type { Addressed } from '../load/job.ts';
import type { Child, Launcher } from '../measure/processes.ts';
import type { Era, Scene } from '../scene.ts';

/** Something that calls go through. */
export interface Target {
  readonly key: string;
  readonly title: string;
  /** Of its callers and of what stands behind it; both where nothing is said. */
  readonly onlyEra?: Era;
  /** How many at once it is asked to serve; any number where nothing is said. */
  readonly mostCallers?: number;
  /** Among which its callers are divided; one where nothing is said. */
  readonly processes?: number;
  /** Why it cannot run here, where it cannot. */
  missing?(): string | undefined;
  start(ground: Ground): Promise<Started>;
}

/** What there is before any target. */
export interface Ground {
  readonly launcher: Launcher;
  readonly fixture: Fixture;
  /** For the files of this one target. */
  readonly directory: string;
  readonly scene: Scene;
}

export interface Fixture {
  readonly pid: number;
  readonly ports: readonly number[];
}

export interface Started {
  readonly address: Addressed;
  /** Whose CPU time and memory, with those of its children, are the target's. */
  readonly child: Pick<Child, 'pid' | 'output' | 'stop'>;
  /** More processes of the same kind. */
  readonly also?: readonly number[];
  /** Puts another scene behind it while it runs; resolves when it offers that. Absent where it cannot. */
  change?(scene: Scene): Promise<Addressed>;
}
