import { isUnanswered, statusOf } from './causes.ts';
import type { Connection } from './connection.ts';

const TIMEOUT_MS = 5000;

/**
 * Asks a downstream whether it still is one of the era that was found at connect: one that was replaced by one of the other
 * refuses everything, and would for ever. Where the question is cut off or meets a server that fails, that is no answer, and
 * the next doubt asks again.
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
    if (!isCurrent(suspect) || suspect === doubted) return;
    doubted = suspect;
    ask(suspect).then(
      () => {
        doubted = undefined;
      },
      (error) => {
        if (!isRefusal(error, suspect)) doubted = undefined;
        else if (isCurrent(suspect)) onOther();
      },
    );
  };
}

/** What each server of its era must answer, and none of the other one does. */
function ask({ link, client }: Connection): Promise<unknown> {
  const options = { timeout: TIMEOUT_MS };
  return link.era === 'legacy' ? client.ping(options) : client.discover(options);
}

/** Statuses that say nothing of what a server is. */
const OF_NOTHING: ReadonlySet<number> = new Set([401, 403, 408, 429]);

function isRefusal(error: Error & { code?: unknown }, { link }: Connection): boolean {
  const status = statusOf(error);
  // A legacy server that does not know `ping` is one all the same; it may say so with any status.
  if (link.era === 'legacy')
    return status !== undefined && status < 500 && !OF_NOTHING.has(status) && !UNKNOWN.test(error.message);
  if (status !== undefined) return status < 500 && !OF_NOTHING.has(status);
  // A result that the SDK's client does not take whole is one: none of the other era gives any.
  return !isUnanswered(error) && error.code !== 'INVALID_RESULT';
}

/** The client tells such an answer as it came. */
const UNKNOWN = /"code"\s*:\s*-32601\b/;
