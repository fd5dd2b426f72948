import { type Deferred, deferred } from '../promises.ts';
import type { Connection } from './connection.ts';

/** Those who wait for the next connection. */
export class Waiters {
  #waiting: Deferred<Connection>[] = [];

  add(): Promise<Connection> {
    const waiter = deferred<Connection>();
    this.#waiting.push(waiter);
    return waiter.promise;
  }

  resolve(connection: Connection): void {
    for (const waiter of this.#take()) waiter.resolve(connection);
  }

  reject(why: string): void {
    for (const waiter of this.#take()) waiter.reject(new Error(why));
  }

  #take(): Deferred<Connection>[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }
}
