import type { Fault } from './fault.ts';

/** Section E: resources, long runs. */
export const RESOURCE_FAULTS: readonly Fault[] = [
  {
    id: 'F87',
    promise: 'without file descriptors it refuses, and serves again when there are some',
    elsewhere: [
      'test/faults/process.test.ts: F87 out of file descriptors it lives, and serves again',
      'test/faults/process.test.ts: F87 a page that is asked for first without file descriptors is refused, and shown when there are some',
    ],
  },
  {
    id: 'F88',
    promise: 'near the end of its heap it refuses new calls',
    elsewhere: [
      'test/faults/exhausted.test.ts: F88 with hardly any memory left it refuses what is new, lives, and takes it again when calls have ended',
    ],
  },
  {
    id: 'F89',
    promise: 'a blocked event loop is seen',
    elsewhere: [
      'test/faults/exhausted.test.ts: F89 an event loop that stands still again and again is not ready, until it turns again',
      'test/behaviour/metrics.test.ts: /metrics tells of calls, servers and the process, to who has the token',
    ],
  },
  { id: 'F90', promise: 'a million calls leave the heap as it was', command: 'npx tsx bench/soak.ts' },
  {
    id: 'F91',
    promise: 'calls that were cancelled or came too late leave nothing behind',
    elsewhere: [
      'test/faults/http-more.test.ts: F91 calls that were cancelled or came too late leave nothing behind',
    ],
  },
  {
    id: 'F92',
    promise: 'health is judged without new sessions',
    elsewhere: [
      'test/behaviour/notice-streams.test.ts: a server that is left alone is asked nothing, and holds one session',
    ],
  },
  {
    id: 'F93',
    promise: 'a disk that cannot be written is told of once',
    elsewhere: [
      'test/behaviour/always-there.test.ts: where the file would be %s, there is one warning and everything else works',
    ],
  },
];
