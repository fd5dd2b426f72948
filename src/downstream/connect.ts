import type { DownstreamConfig } from '../config/config.ts';
import { DownstreamFailure } from '../errors.ts';
import { Refused } from './ask.ts';
import { describeCause } from './causes.ts';
import { connectHttp } from './connect-http.ts';
import { connectStdio } from './connect-stdio.ts';
import { ConnectFailed, type Connection, type ConnectOptions } from './connection.ts';

/** Connects in the way that the entry asks for. Leaves nothing behind when it fails. */
export function connectTo(config: DownstreamConfig, options: ConnectOptions): Promise<Connection> {
  return config.kind === 'http' ? connectHttp(config, options) : connectStdio(config, options);
}

/** Why an attempt failed, in a few words. */
export function whyOf(error: unknown): string {
  if (error instanceof ConnectFailed || error instanceof Refused) return error.message;
  return error instanceof DownstreamFailure
    ? `its tools cannot be listed: ${error.reason}`
    : describeCause(error);
}
