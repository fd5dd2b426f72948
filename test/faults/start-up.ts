import type { Fault } from './fault.ts';

/** Section A: start, configuration, end. */
export const START_UP_FAULTS: readonly Fault[] = [
  {
    id: 'F1',
    promise:
      'one downstream that refuses connections at the start takes nothing from the others, and is found later',
    elsewhere: [
      'test/behaviour/lifecycle.test.ts: one downstream that refuses connections takes nothing from the others',
      'test/behaviour/lifecycle.test.ts: a downstream that comes up later is found, and its tools are listed',
    ],
  },
  {
    id: 'F2',
    promise: 'one that takes connections and says nothing delays nobody, and each attempt is torn down',
    elsewhere: [
      'test/faults/start-up.test.ts: F2 an attempt that gets no answer leaves no connection behind',
      'test/behaviour/always-there.test.ts: four hung servers of five do not hold up the list, not even at the first start',
    ],
  },
  {
    id: 'F3',
    promise: 'with all of them down, the list is the last good one, or empty, and health is well',
    elsewhere: [
      'test/behaviour/always-there.test.ts: with every server gone, a restart answers the same bytes at once, and a call says why it cannot be made',
      'test/faults/start-up.test.ts: F3 with every server down and none known, lists are empty and the process is well',
    ],
  },
  {
    id: 'F4',
    promise: 'a configuration that is wrong stops the start, with every problem and its place',
    elsewhere: [
      'test/unit/config/broken-configs.test.ts: all problems of a file are listed at once, in the order in which they stand in it',
    ],
  },
  {
    id: 'F5',
    promise: 'a variable that is missing stops the start, by its name',
    elsewhere: [
      'test/unit/config/expand.test.ts: an unset variable is named once for a place, and at every place',
    ],
  },
  {
    id: 'F6',
    promise: 'a bad file leaves the old one in force',
    elsewhere: [
      'test/cli/reload.test.ts: one that is broken leaves the earlier one in force, with the text of a start',
    ],
  },
  {
    id: 'F7',
    promise: 'a reload costs no call of what it leaves alone',
    elsewhere: [
      'test/behaviour/reload.test.ts: leaves the connections and lists of servers alone that are the same in it',
      'test/behaviour/reload.test.ts: with other headers for a server connects anew first, and lets what runs finish',
      'test/behaviour/reload.test.ts: without a server: its calls finish, and the next one hears that there is no such tool',
      'test/behaviour/without-loss.test.ts: changes of the configuration under load lose no call, and leave nothing behind',
    ],
    command: 'npx tsx bench/reloads.ts',
  },
  {
    id: 'F8',
    promise: 'SIGTERM under load loses no answer',
    elsewhere: [
      'test/cli/end.test.ts: a call that is running has its answer before the end, and nobody new comes in',
      'test/cli/end.test.ts: those who listen hear that it is over, in both eras, and do not hold it up',
      'test/behaviour/without-loss.test.ts: gateways that are told to stop under load lose no answer, and end with 0',
      'test/cli/end.test.ts: %s ends it with 0 and leaves no process behind',
    ],
    command: 'npx tsx bench/restarts.ts',
  },
  {
    id: 'F9',
    promise: 'a process that is killed leaves files that are whole, and the next one serves',
    elsewhere: [
      'test/behaviour/always-there.test.ts: whoever reads the file while it is replaced meets the old one or the new one',
      'test/faults/process.test.ts: F9 killed again and again while it writes, it finds a file that is whole',
    ],
  },
  {
    id: 'F10',
    promise: 'what goes wrong in one request costs that request',
    elsewhere: ['test/faults/process.test.ts: F10 connections that break at any moment end no process'],
  },
  {
    id: 'F11',
    promise: 'a log that nobody reads ends no process',
    elsewhere: ['test/cli/end.test.ts: nobody who reads its log is no reason to end'],
  },
  {
    id: 'F12',
    promise: 'a secret that was changed in its file is used',
    elsewhere: [
      'test/cli/reload.test.ts: a secret in a file, and one in .env, reach the server behind without a restart',
      'test/cli/reload.test.ts: a token that is changed in .env counts, and the one before for drainMs',
    ],
  },
  {
    id: 'F13',
    promise: 'any request may go to any instance',
    elsewhere: [
      'test/behaviour/questions.test.ts: opens after a restart with the same token, and not with another',
      'test/behaviour/sessions.test.ts: is known after a restart with the same token, and not after its end or with another',
    ],
  },
  {
    id: 'F14',
    promise: 'a clock that jumps ends no call and expires no session',
    elsewhere: ['test/faults/start-up.test.ts: F14 a clock that jumps by an hour, %s, ends no call'],
  },
  {
    id: 'F15',
    promise: 'as the first process of a container it ends on SIGTERM and leaves no dead children',
    elsewhere: ['test/faults/process.test.ts: F15 as process 1 it collects its children and ends on SIGTERM'],
  },
];
