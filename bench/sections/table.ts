import { calls } from './calls.ts';
import { features } from './features.ts';
import { framing } from './framing.ts';
import { instructions } from './instructions.ts';
import { cold, lists } from './lists.ts';
import { rates } from './rates.ts';
import { rivals } from './rivals.ts';
import { scale } from './scale.ts';
import type { Section } from './section.ts';
import { held } from './sessions.ts';
import { sizes } from './sizes.ts';
import { start } from './start.ts';
import { streaming } from './streaming.ts';

/** In the order of the results. */
export const sections: readonly Section[] = [
  calls,
  instructions,
  rivals,
  lists,
  cold,
  framing,
  features,
  sizes,
  scale,
  start,
  held,
  rates,
  streaming,
];
