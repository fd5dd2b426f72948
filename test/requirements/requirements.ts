import { BASE } from './base.ts';
import { FEATURES } from './features.ts';
import { LEGACY } from './legacy.ts';
import { PATTERNS } from './patterns.ts';
import type { Requirement } from './requirement.ts';
import { SECURITY } from './security.ts';
import { TRANSPORTS } from './transports.ts';

/** What of the specification binds this gateway. Each is held by a test that names it, or says why it does not bind. */
export const REQUIREMENTS: readonly Requirement[] = [
  ...BASE,
  ...TRANSPORTS,
  ...PATTERNS,
  ...FEATURES,
  ...SECURITY,
  ...LEGACY,
];
