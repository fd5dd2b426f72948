import { CALLER_FAULTS } from './callers.ts';
import type { Fault } from './fault.ts';
import { HTTP_FAULTS } from './http.ts';
import { RESOURCE_FAULTS } from './resources.ts';
import { START_UP_FAULTS } from './start-up.ts';
import { STDIO_FAULTS } from './stdio.ts';

export interface Section {
  readonly title: string;
  readonly faults: readonly Fault<unknown>[];
}

/** All of them, in order. */
export const SECTIONS: readonly Section[] = [
  { title: 'Start, configuration, end', faults: START_UP_FAULTS },
  { title: 'A downstream over HTTP behaves badly', faults: HTTP_FAULTS },
  { title: 'A downstream on stdio behaves badly', faults: STDIO_FAULTS },
  { title: 'A caller behaves badly', faults: CALLER_FAULTS },
  { title: 'Resources, long runs', faults: RESOURCE_FAULTS },
];
