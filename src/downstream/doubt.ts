import { isCutOff, statusOf } from './causes.ts';
import type { Connection } from './connection.ts';

const DISCOVER_TIMEOUT_MS = 5000;

/**
 * Asks a modern downstream whether it still is one. The era was found out at connect; a server that was replaced by
 * an older one refuses everything, and would for ever. (A legacy one that was replaced has lost our session.) Where the
 * question is cut off or meets a server that fails, that is no answer, and the next failure asks again.
 *
 * @param isCurrent  whether this is still the connection in use
 * @param onOther    it no longer is what it was
 */
export function createDoubt(
  isCurrent: (suspect: Connection) => boolean,
  onOther: () => void,
): (suspect: Connection) => void {
  let doubted: Connection | undefined;
  return (suspect) => {
    if (!isCurrent(suspect) || suspect === doubted || suspect.link.era !== 'modern') return;
    doubted = suspect;
    suspect.client.discover({ timeout: DISCOVER_TIMEOUT_MS }).then(
      () => {
        doubted = undefined;
      },
      (error) => {
        if (isCutOff(error) || (statusOf(error) ?? 0) >= 500) doubted = undefined;
        else if (isCurrent(suspect)) onOther();
      },
    );
  };
}
