/** One who hears of one thing. */
export interface Watch {
  /** Resolves when the downstream was told of the wish: false where it will not tell. */
  readonly granted: Promise<boolean>;
  stop(): void;
}

interface Heard<T> {
  readonly by: Set<(news: T) => void>;
  readonly granted: Promise<boolean>;
}

/** Who hears of what. However many hear of one thing, its downstream is told once. */
export class Hearings<T> {
  readonly #heard = new Map<string, Heard<T>>();

  /** `onFirst` and `onNone` tell the downstream: that there is somebody, and that there is nobody any more. */
  add(id: string, onNews: (news: T) => void, onFirst: () => Promise<boolean>, onNone: () => unknown): Watch {
    // One of its own for each who hears, even where they gave the same function.
    const mine = (news: T) => onNews(news);
    const by = this.#heard.get(id)?.by ?? new Set();
    by.add(mine);
    const heard = this.#heard.get(id) ?? this.#begin(id, by, onFirst);
    return {
      granted: heard.granted,
      stop: () => {
        if (!by.delete(mine) || by.size > 0) return;
        this.#heard.delete(id);
        onNone();
      },
    };
  }

  #begin(id: string, by: Heard<T>['by'], onFirst: () => Promise<boolean>): Heard<T> {
    const granting = { by, granted: Promise.resolve(true) };
    // It is among those wanted before the downstream is told which these are.
    this.#heard.set(id, granting);
    granting.granted = onFirst();
    return granting;
  }

  tell(id: string, news: T): void {
    for (const onNews of this.#heard.get(id)?.by ?? []) onNews(news);
  }

  has(id: string): boolean {
    return this.#heard.has(id);
  }

  ids(): string[] {
    return [...this.#heard.keys()];
  }
}
