import { isDeepStrictEqual } from 'node:util';
import { isUnanswered, statusOf } from './causes.ts';
import type { Connection } from './connection.ts';

const DISCOVER_TIMEOUT_MS = 5000;

/** Statuses that say nothing of what a server is. */
const NO_ANSWER: ReadonlySet<number> = new Set([401, 403, 408, 429]);

/**
 * Asks a modern downstream whether it still is the one that was connected to. One that was replaced by an older one
 * refuses everything, and would for ever; one that was replaced by a newer one may offer what nobody would ask it for. (A
 * legacy one that was replaced has lost our session.) Where the question is cut off or meets a server that fails, that is
 * no answer, and the next doubt asks again.
 *
 * @param isCurrent  whether this is still the connection in use
 * @param onOther    it no longer is what it was
 * @param onChanged  it offers other kinds of things than it did, or says other things of itself
 */
export function createDoubt(
  isCurrent: (suspect: Connection) => boolean,
  onOther: () => void,
  onChanged: () => void,
): (suspect: Connection) => void {
  let doubted: Connection | undefined;
  return (suspect) => {
    if (!isCurrent(suspect) || suspect === doubted || suspect.link.era !== 'modern') return;
    doubted = suspect;
    const { client } = suspect;
    client.discover({ timeout: DISCOVER_TIMEOUT_MS }).then(
      ({ capabilities, instructions }) => {
        doubted = undefined;
        // The SDK's client says of these what it heard at first.
        const before = [client.getServerCapabilities(), client.getInstructions()];
        if (isCurrent(suspect) && !isDeepStrictEqual([capabilities, instructions], before)) onChanged();
      },
      (error) => {
        const status = statusOf(error) ?? 0;
        if (isUnanswered(error) || status >= 500 || NO_ANSWER.has(status)) doubted = undefined;
        else if (isCurrent(suspect)) onOther();
      },
    );
  };
}
