/** Of the requests of one downstream, so many may be ones that are sent again: a fifth, and always three. */
const SHARE = 0.2;
const ALWAYS = 3;

/** Keeps a downstream that fails from being met by three times the requests that made it fail. */
export class RetryBudget {
  /** Requests that have no end yet, those that wait to be sent again among them. */
  active = 0;
  #retrying = 0;

  /** Whether one more may be sent again; then it is given back at its end. */
  take(): boolean {
    if (this.#retrying >= Math.max(ALWAYS, this.active * SHARE)) return false;
    this.#retrying++;
    return true;
  }

  giveBack(): void {
    this.#retrying--;
  }
}
