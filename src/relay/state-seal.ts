import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** What a downstream wants back with the next round goes through the caller, who can neither read nor change it. */
export interface StateSeal {
  /** @param about  what it belongs to: it opens for nothing else */
  seal(state: string, about: string): string;
  /** Undefined where it was not sealed here for this, or longer ago than 15 minutes. */
  open(sealed: string, about: string): string | undefined;
}

const TTL_MS = 15 * 60_000;
const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const TIME_BYTES = 8;

/** @param secret  the callers' token: after a restart with the same one, what was sealed before still opens */
export function createStateSeal(secret: string): StateSeal {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'mcp-switchboard requestState', 32));
  return {
    seal(state, about) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, iv).setAAD(Buffer.from(about));
      const expires = Buffer.alloc(TIME_BYTES);
      expires.writeBigUInt64BE(BigInt(Date.now() + TTL_MS));
      const sealed = [cipher.update(expires), cipher.update(state, 'utf8'), cipher.final()];
      return Buffer.concat([iv, cipher.getAuthTag(), ...sealed]).toString('base64url');
    },
    open(sealed, about) {
      const bytes = Buffer.from(sealed, 'base64url');
      const head = IV_BYTES + TAG_BYTES;
      if (bytes.length < head + TIME_BYTES) return undefined;
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(about)).setAuthTag(bytes.subarray(IV_BYTES, head));
      try {
        const opened = Buffer.concat([decipher.update(bytes.subarray(head)), decipher.final()]);
        const isFresh = Number(opened.readBigUInt64BE(0)) >= Date.now();
        return isFresh ? opened.toString('utf8', TIME_BYTES) : undefined;
      } catch {
        return undefined;
      }
    },
  };
}
