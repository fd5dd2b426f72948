import type { Headers } from '../../config/config.ts';

/** What each server may have of them: a request with more would be refused. */
const MAX_CHARS = 4096;
/** Name and value; an attribute is the server's word to a browser. Of these characters a header can be made. */
const PAIR = /^\s*([!-:<>-~]+=[ -:<-~]*)(?:;|$)/;

/**
 * The cookies that a server set while it was connected to. Load balancers say so which of several processes has the session:
 * without them every other request would be for one that does not know it. They are this connection's, and no caller's.
 */
export class Cookies {
  readonly #pairs = new Map<string, string>();

  /** @param setCookie  the header of an answer */
  take(setCookie: string | string[] | undefined): void {
    for (const text of [setCookie ?? []].flat()) {
      const pair = PAIR.exec(text)?.[1]?.trimEnd();
      if (pair === undefined) continue;
      const name = pair.slice(0, pair.indexOf('='));
      this.#pairs.set(name, pair);
      if (String(this.addTo()).length > MAX_CHARS) this.#pairs.delete(name);
    }
  }

  /** All of them behind those that there are. Undefined where there are none. */
  addTo(own?: string | null): string | undefined {
    return [...(own ? [own] : []), ...this.#pairs.values()].join('; ') || undefined;
  }

  /** The same for configured headers. */
  addToHeaders(headers: Headers): Headers {
    if (this.#pairs.size === 0) return headers;
    // Twice it cannot be configured.
    const own = headers.find(([name]) => name.toLowerCase() === 'cookie');
    return [...headers.filter((header) => header !== own), ['cookie', this.addTo(own?.[1]) as string]];
  }
}
