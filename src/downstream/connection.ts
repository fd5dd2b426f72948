import type { Client } from '@modelcontextprotocol/client';
import type { Limits } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { Params } from '../protocol/messages.ts';
import type { Link } from './link.ts';

/** One established connection: the SDK's client for control, the link for calls, both over the same session. */
export interface Connection {
  readonly link: Link;
  readonly client: Client;
  /** Ends it and what runs on it; a session is given back. */
  close(): Promise<void>;
}

/** What a connection is bounded by. */
export type ConnectionLimits = Pick<
  Limits,
  'maxResultBytes' | 'maxEventBytes' | 'maxLineBytes' | 'maxInFlight' | 'maxNoticesPerSecond'
>;

export interface ConnectOptions {
  limits: ConnectionLimits;
  log: Logger;
  /** Gives the attempt up. */
  signal: AbortSignal;
  /**
   * Which handshake: `auto` asks with `server/discover` which era it is, `legacy` begins with `initialize`, `modern` never
   * does.
   */
  mode: 'auto' | 'legacy' | 'modern';
  /** How many attempts have failed while it is away; 0 for one that may take its time. */
  failures?: number;
  /** Declared to a downstream of the legacy era: what can be asked of whose requests go over it. */
  capabilities: Params;
  /** The downstream says that one of its lists has changed. */
  onListChanged(): void;
  /**
   * A resource that is watched has changed, or one below it.
   *
   * @param inRequest  said on the stream of a request, and so over no other connection
   */
  onUpdated(uri: string, inRequest: boolean): void;
  /** A task that is watched is in this state now. */
  onTask(state: Params): void;
  /** What a person was sent to elsewhere is done, says the downstream. */
  onElicitationDone(elicitationId: unknown): void;
  /** The connection has ended by itself. */
  onClosed(why: string): void;
}

/** One of the ways to connect, with all the time that is left for it. */
export interface AttemptOptions extends ConnectOptions {
  /** When that is over, `signal` says so. */
  timeoutMs: number;
}

/** The attempt has failed; the message says why, in a few words. */
export class ConnectFailed extends Error {
  /** What the downstream said about it: for its operator, never for a caller. */
  readonly detail: string | undefined;

  constructor(why: string, detail?: string) {
    super(why);
    this.detail = detail;
  }
}

/** The connection, with what is to be done when it is left. */
export function untilEnd(connection: Connection, leave: () => void): Connection {
  return {
    ...connection,
    close() {
      leave();
      return connection.close();
    },
  };
}
