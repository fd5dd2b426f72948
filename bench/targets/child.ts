/** What a server of ours tells the process that started it. */
export interface Listening {
  readonly ports: readonly number[];
}

/** Reports the ports, and ends this process when the one that started it is gone. */
export function reportListening(ports: readonly number[]): void {
  process.on('disconnect', () => process.exit(0));
  // Not by the signal itself: a CPU profile is written on exit.
  process.on('SIGTERM', () => process.exit(0));
  process.send?.({ ports } satisfies Listening);
}
