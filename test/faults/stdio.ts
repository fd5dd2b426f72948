import type { StdioStep } from '../support/evil/stdio.ts';
import type { Fault, Script } from './fault.ts';

type StdioFault = Fault<StdioStep>;

const DEEP = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
const ANSWER: StdioStep = { write: '%answer\n' };
/** The last one of them dies with the process; the others are in the air. */
const died = (what: string, ...steps: StdioStep[]): Script<StdioStep> => ({
  what,
  steps,
  told: 'closed the connection before answering.',
  mayHaveRun: true,
  // What may be asked again would end the next child as well.
  methods: ['tools/call'],
});
const answered = (what: string, ...steps: StdioStep[]): Script<StdioStep> => ({
  what,
  steps: [...steps, ANSWER],
  told: 'the answer',
});
const late = (what: string, ...steps: StdioStep[]): Script<StdioStep> => ({
  what,
  steps,
  told: 'did not answer % within 400 ms.',
  mayHaveRun: true,
  holds: true,
});

/** Section C: a child on stdio behaves badly. */
export const STDIO_FAULTS: readonly StdioFault[] = [
  {
    id: 'F56',
    promise: 'a child that ends fails what runs on it at once, and is started again',
    scripts: [
      died('exits in the middle of a call', { does: 'exit' }),
      died('is killed in the middle of a call', { does: 'die' }),
      died('exits in the middle of its answer', { write: '{"jsonrpc":"2.0",' }, { does: 'exit' }),
    ],
    elsewhere: [
      'test/behaviour/unruly-children.test.ts: that never comes up is started at most 65 times in an hour',
      'test/behaviour/lifecycle.test.ts: that dies during a call fails that call at once, and is started again',
      'test/behaviour/connect-reasons.test.ts: %s is named',
    ],
  },
  {
    id: 'F57',
    promise: 'what is no message on its stdout is skipped',
    scripts: [
      answered('a banner', { write: 'Server started\n\n' }),
      answered('half a line that is ended', { write: '{"jsonrpc":\n' }),
      answered('bytes that are no UTF-8', { bytes: [0xff, 0xfe, 0xc3, 0x28, 0x0a] }),
      answered('JSON that is no message', { write: 'null\n7\n[]\n{}\n"text"\n[null]\n{"id":7}\n' }),
      answered('an answer to nobody', { write: '{"jsonrpc":"2.0","id":999999,"result":{}}\n' }),
      answered('an answer to nobody that is nested very deep', {
        write: `{"jsonrpc":"2.0","id":999999,"result":${DEEP}}\n`,
      }),
      answered('a notice that is nested very deep', {
        write: `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":${DEEP}}\n`,
      }),
      answered('terminal escapes', { write: '\u001b[2J\u001b]0;title\u0007\n' }),
      answered(
        'ten megabytes without an end, and then one',
        { times: 160, piece: 'x'.repeat(65_536), to: 'stdout' },
        { write: '\n' },
      ),
      { what: 'lines ended by CRLF', steps: [{ write: '%answer\r\n' }], told: 'the answer' },
      {
        what: 'an answer over the limit',
        steps: [
          { write: '{"jsonrpc":"2.0","id":%id,"result":{"content":"' },
          { times: 8, piece: 'x'.repeat(65_536), to: 'stdout' },
          { write: '"}}\n' },
        ],
        told: 'answered with more than 256 KiB, the limit set by limits.maxResultBytes.',
        mayHaveRun: true,
      },
    ],
  },
  {
    id: 'F58',
    promise: 'a flood on stderr is drained, and holds nothing up',
    scripts: [
      answered('many lines', { times: 2000, piece: `${'e'.repeat(1023)}\n`, to: 'stderr' }),
      answered('one line without an end', { times: 64, piece: 'e'.repeat(65_536), to: 'stderr' }),
    ],
  },
  {
    id: 'F59',
    promise: 'a child that does not read, or says nothing, costs its calls the deadline',
    scripts: [{ ...late('says nothing'), methods: ['tools/call', 'resources/read', 'prompts/get'] }],
    elsewhere: [
      'test/behaviour/unruly-children.test.ts: that does not read its input is sent 1 MiB, and what comes then is refused at once',
    ],
  },
  {
    id: 'F60',
    promise: 'a child that does not want to go, and what it started, is ended',
    elsewhere: ['test/behaviour/lifecycle.test.ts: of the kind "%s" leaves no process behind'],
  },
  {
    id: 'F61',
    promise: 'a command that cannot be started is told of in words, and harms nobody',
    elsewhere: ['test/behaviour/lifecycle.test.ts: whose command does not exist is down with that reason'],
  },
  {
    id: 'F62',
    promise: 'any number of callers share one child',
    elsewhere: ['test/faults/stdio.test.ts: F62 any number of callers share one child'],
  },
  {
    id: 'F63',
    promise: "a child sees nothing of the gateway's environment but what its entry gives it",
    elsewhere: [
      "test/behaviour/lifecycle.test.ts: sees none of the gateway's environment but what its entry gives it",
    ],
  },
];
