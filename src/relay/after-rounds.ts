/**
 * Acts when the event loop has gone round a few times: what had arrived by now has been read by then, new connections and
 * the ends of others too. After a pause of the whole process, timers come before all of that.
 */
export function afterRounds(act: () => void, rounds = ROUNDS): void {
  if (rounds === 0) act();
  else setImmediate(() => afterRounds(act, rounds - 1));
}

/** A request and the end of its connection that arrive together are read in turn, and the end is told after three more. */
const ROUNDS = 8;
