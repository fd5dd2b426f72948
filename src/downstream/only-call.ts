import type { Receiver } from './link.ts';

/** The one call of a caller that runs; undefined where there are more, or none. What the gateway asks itself is none. */
export function onlyCall(running: Iterable<Receiver>): Receiver | undefined {
  const [only, ...others] = [...running].filter(({ onQuestion }) => onQuestion !== undefined);
  return others.length === 0 ? only : undefined;
}
