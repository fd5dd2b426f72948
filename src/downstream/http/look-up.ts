import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { within } from '../../promises.ts';

/** Less than the time for connecting, which goes on meanwhile. */
const PATIENCE_MS = 1000;

/**
 * Finds the addresses of hosts. Node asks for them in two threads that all of the process shares, and a name whose name
 * server is silent holds one of them for ten seconds and more: so none is asked for twice at once, and for one that was
 * found before, where there is no answer soon, what was the answer then has to do.
 */
export function createLookUp(
  ask: (hostname: string) => Promise<LookupAddress[]>,
  patienceMs = PATIENCE_MS,
): LookupFunction {
  const known = new Map<string, LookupAddress[]>();
  const asked = new Map<string, Promise<LookupAddress[]>>();

  async function askOnce(hostname: string): Promise<LookupAddress[]> {
    try {
      const addresses = await ask(hostname);
      known.set(hostname, addresses);
      return addresses;
    } catch (error) {
      // There is none of that name any more. What else fails says nothing of the host.
      if ((error as NodeJS.ErrnoException).code === 'ENOTFOUND') known.delete(hostname);
      const last = known.get(hostname);
      if (last === undefined) throw error;
      return last;
    } finally {
      asked.delete(hostname);
    }
  }

  async function find(hostname: string): Promise<LookupAddress[]> {
    const asking = asked.get(hostname) ?? askOnce(hostname);
    asked.set(hostname, asking);
    if (await within(patienceMs, asking)) return asking;
    return known.get(hostname) ?? asking;
  }

  return (hostname, { all }, callback) => {
    find(hostname).then(
      (addresses) => {
        if (all === true) callback(null, addresses);
        else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
      },
      (error) => callback(error, []),
    );
  };
}

export const lookUp = createLookUp((hostname) => lookup(hostname, { all: true }));
