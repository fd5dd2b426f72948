/** Tokens after the first one, as processes that begin later have to learn them. */
export interface TokenChanges {
  /** What a process begins with: what the oldest that is accepted was before the changes. */
  readonly first: string;
  readonly latest: string;
  /** What has come since, the oldest first. */
  all(): readonly TokenChange[];
  /** @returns whether it is another one */
  change(token: string, keepMs: number): boolean;
}

interface TokenChange {
  readonly token: string;
  /** For so long the one before is still accepted. */
  readonly keepMs: number;
}

export function createTokenChanges(token: string): TokenChanges {
  let first = token;
  const changes: { readonly token: string; readonly endsAt: number }[] = [];
  return {
    get first() {
      return first;
    },
    get latest() {
      return changes.at(-1)?.token ?? first;
    },
    all: () => changes.map(({ token, endsAt }) => ({ token, keepMs: endsAt - performance.now() })),
    change(token, keepMs) {
      const now = performance.now();
      for (let next = changes[0]; next !== undefined && next.endsAt <= now; next = changes[0]) {
        first = next.token;
        changes.shift();
      }
      if (token === this.latest) return false;
      changes.push({ token, endsAt: now + keepMs });
      return true;
    },
  };
}
