import type { Sink } from '../downstream/link.ts';
import type { Deadline } from './deadline.ts';

/**
 * Where a large result goes to, on its server's time as long as its caller takes it: one that reads slowly is bounded
 * where its answer is written.
 *
 * @param open  gives the sink, which says by calling that more is wanted
 */
export function timedSink(
  deadline: Deadline,
  open: (goOn: () => void) => Sink | undefined,
  goOn: () => void,
): Sink | undefined {
  let isHeld = false;
  const sink = open(() => {
    if (isHeld) deadline.start();
    isHeld = false;
    goOn();
  });
  return (
    sink && {
      write(piece) {
        deadline.moved();
        const goesOn = sink.write(piece);
        if (!goesOn && !isHeld) {
          isHeld = true;
          deadline.hold();
        }
        return goesOn;
      },
    }
  );
}
