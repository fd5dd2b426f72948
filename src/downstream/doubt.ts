import { isDeepStrictEqual } from 'node:util';
import { isUnanswered, statusOf } from './causes.ts';
import type { Connection } from './connection.ts';

const TIMEOUT_MS = 5000;

/**
 * Asks a downstream whether it still is the one that was connected to. One that was replaced by one of the other era
 * refuses everything, and would for ever; one that was replaced by a newer one may offer what nobody would ask it for. Where
 * the question is cut off or meets a server that fails, that is no answer, and the next doubt asks again.
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
    if (!isCurrent(suspect) || suspect === doubted) return;
    doubted = suspect;
    isAsBefore(suspect).then(
      (isSame) => {
        doubted = undefined;
        if (!isSame && isCurrent(suspect)) onChanged();
      },
      (error) => {
        if (!isRefusal(error, suspect)) doubted = undefined;
        else if (isCurrent(suspect)) onOther();
      },
    );
  };
}

/** Asked what each server of its era must answer, and what none of the other one does. */
async function isAsBefore({ link, client }: Connection): Promise<boolean> {
  if (link.era === 'legacy') {
    await client.ping({ timeout: TIMEOUT_MS });
    return true;
  }
  const { capabilities, instructions } = await client.discover({ timeout: TIMEOUT_MS });
  // The SDK's client says of these what it heard at first.
  return isDeepStrictEqual(
    [capabilities, instructions],
    [client.getServerCapabilities(), client.getInstructions()],
  );
}

/** Statuses that say nothing of what a server is. */
const OF_NOTHING: ReadonlySet<number> = new Set([401, 403, 408, 429]);

function isRefusal(error: unknown, { link }: Connection): boolean {
  const status = statusOf(error);
  if (status !== undefined) return status < 500 && !OF_NOTHING.has(status);
  // A legacy server that does not know `ping` is one all the same.
  return link.era === 'modern' && !isUnanswered(error);
}
