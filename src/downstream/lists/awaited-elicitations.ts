/** More than callers can have open in their browsers; the oldest is forgotten. */
const MAX_AWAITED = 256;

/** Who is told when what a person was sent to elsewhere is done, by the downstream's id for it. */
export class AwaitedElicitations {
  readonly #awaited = new Map<string, () => void>();

  add(elicitationId: string, onDone: () => void): void {
    this.#awaited.delete(elicitationId);
    if (this.#awaited.size >= MAX_AWAITED) {
      const [oldest] = this.#awaited.keys();
      this.#awaited.delete(oldest as string);
    }
    this.#awaited.set(elicitationId, onDone);
  }

  done(elicitationId: unknown): void {
    const onDone = this.#awaited.get(elicitationId as string);
    this.#awaited.delete(elicitationId as string);
    onDone?.();
  }
}
