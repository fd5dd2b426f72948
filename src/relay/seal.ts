import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** What goes out with a caller to come back from it, and that it can neither read nor change. */
export interface Seal {
  /** @param about  what it belongs to: it opens for nothing else */
  seal(text: string, about: string): string;
  /** Undefined where it was not sealed with this secret, for this purpose and for this, or too long ago. */
  open(sealed: string, about: string): string | undefined;
}

/** A seal whose secret may change: what an earlier secret sealed opens as long as that one is kept. */
export interface RenewableSeal extends Seal {
  /** @returns forgets the secret before: it opens nothing any more */
  renew(secret: string): () => void;
}

export function createRenewableSeal(secret: string, purpose: string, ttlMs: number): RenewableSeal {
  let current = createSeal(secret, purpose, ttlMs);
  const kept = new Set([current]);
  return {
    seal: (text, about) => current.seal(text, about),
    open(sealed, about) {
      for (const seal of kept) {
        const text = seal.open(sealed, about);
        if (text !== undefined) return text;
      }
      return undefined;
    },
    renew(fresh) {
      const before = current;
      current = createSeal(fresh, purpose, ttlMs);
      kept.add(current);
      return () => kept.delete(before);
    },
  };
}

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const TIME_BYTES = 8;

/**
 * @param secret  the callers' token: after a restart with the same one, what was sealed before still opens
 * @param ttlMs   how long it opens
 */
export function createSeal(secret: string, purpose: string, ttlMs: number): Seal {
  const key = Buffer.from(hkdfSync('sha256', secret, '', `mcp-switchboard ${purpose}`, 32));
  return {
    seal(text, about) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, iv).setAAD(Buffer.from(about));
      const expires = Buffer.alloc(TIME_BYTES);
      expires.writeBigUInt64BE(BigInt(Date.now() + ttlMs));
      const sealed = [cipher.update(expires), cipher.update(text, 'utf8'), cipher.final()];
      return Buffer.concat([iv, cipher.getAuthTag(), ...sealed]).toString('base64url');
    },
    open(sealed, about) {
      const bytes = Buffer.from(sealed, 'base64url');
      const head = IV_BYTES + TAG_BYTES;
      // One text for one seal: the last character of base64 has bits that say nothing.
      const isWhole = bytes.length >= head + TIME_BYTES && bytes.toString('base64url') === sealed;
      if (!isWhole) return undefined;
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
