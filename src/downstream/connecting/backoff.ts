const FIRST_MS = 1000;
const LONGEST_MS = 60_000;

/**
 * How long to wait before the next attempt, in milliseconds: doubling from 1 s to 60 s, with jitter, so that a
 * downstream that comes back is not met by all its gateways at once.
 *
 * @param failures  attempts failed in a row, from 1
 * @param random    in [0, 1)
 */
export function backoffMs(failures: number, random = Math.random()): number {
  const ceiling = Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS);
  return Math.round(ceiling * (0.5 + random / 2));
}

const LONGEST_RESPAWN_MS = 64_000;

/**
 * The same for a process that is to be started again: never sooner than after 1, 2, 4, … 64 s, since each attempt costs a
 * process, and one that does not come up is at most 65 of them in an hour.
 */
export function respawnMs(failures: number, random = Math.random()): number {
  const least = Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_RESPAWN_MS);
  return Math.round(least * (1 + random / 2));
}

const RESTART_MS: readonly number[] = [150, 300];

/**
 * The same for a server over HTTP that was there a moment ago, while its callers wait: it may just be starting again.
 * Twice, after 450 ms at the least; undefined when it has had its time.
 *
 * @param attempts  of these that were made, from 0
 */
export function restartMs(attempts: number, random = Math.random()): number | undefined {
  const least = RESTART_MS[attempts];
  return least === undefined ? undefined : Math.round(least * (1 + random / 2));
}
