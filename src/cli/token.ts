import { randomBytes } from 'node:crypto';
import { isLoopback } from '../caller/http/hosts.ts';
import type { Env } from '../config/expand.ts';
import { UsageError } from './usage-error.ts';

const MIN_CHARS = 16;

/**
 * The token to go on with where the files are read again: where none is set any more, the one in force stays.
 *
 * @throws UsageError as at the start
 */
export function chooseTokenAgain(env: Env, host: string, current: string): string {
  const { token, isGenerated } = chooseToken(env, host);
  return isGenerated ? current : token;
}

/**
 * The one bearer: SWITCHBOARD_TOKEN, or, on loopback only, one made for this run.
 *
 * @throws UsageError none is set and the address can be reached from elsewhere, or the one set could be guessed
 */
export function chooseToken(env: Env, host: string): { token: string; isGenerated: boolean } {
  const token = env.SWITCHBOARD_TOKEN?.trim();
  if (token !== undefined && token !== '') {
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new UsageError('SWITCHBOARD_TOKEN may hold visible ASCII characters only, and no spaces.');
    }
    if (token.length < MIN_CHARS && !isLoopback(host)) {
      throw new UsageError(
        `SWITCHBOARD_TOKEN is shorter than ${MIN_CHARS} characters, which can be guessed.\nMake one with: openssl rand -hex 32`,
      );
    }
    return { token, isGenerated: false };
  }
  if (isLoopback(host)) return { token: randomBytes(24).toString('base64url'), isGenerated: true };
  throw new UsageError(
    `SWITCHBOARD_TOKEN is not set, and ${host} can be reached from other machines.\nSet it, for example to the output of: openssl rand -hex 32`,
  );
}
