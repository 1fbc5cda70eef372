/** Turns by key: who comes while another holds a key's turn waits for it, first come first served. */
export class KeyedTurns {
  readonly #waiting = new Map<string, (() => void)[] | undefined>();

  /** Keys whose turn is held. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Undefined when the turn is free and now the caller's; else what resolves when it becomes the caller's. */
  take(key: string): Promise<void> | undefined {
    if (!this.#waiting.has(key)) {
      this.#waiting.set(key, undefined);
      return undefined;
    }
    return new Promise((resolve) => {
      const others = this.#waiting.get(key);
      if (others === undefined) this.#waiting.set(key, [resolve]);
      else others.push(resolve);
    });
  }

  /** Passes the turn on, or frees it. Only whoever holds it may. */
  pass(key: string): void {
    const next = this.#waiting.get(key)?.shift();
    if (next === undefined) this.#waiting.delete(key);
    else next();
  }
}
