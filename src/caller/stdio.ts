import type { Readable, Writable } from 'node:stream';
import type { Limits } from '../config/config.ts';
import { ProtocolError } from '../errors.ts';
import { createLineReader } from '../protocol/lines.ts';
import { RPC } from '../protocol/messages.ts';
import { Allowance, type AllowanceLimits } from './allowance.ts';
import { writeError } from './answers.ts';
import type { Dispatcher } from './dispatch.ts';
import { createPipe } from './pipe.ts';
import type { Selection } from './selection.ts';

const LAST_ANSWERS_MS = 3000;

/**
 * Serves one caller over a pipe: one message a line, both eras, nothing but protocol on the way out. Resolves when the
 * caller closes its end, which is how it says goodbye.
 */
export function serveStdio(
  dispatcher: Dispatcher,
  selection: Selection,
  input: Readable,
  output: Writable,
  limits: Pick<Limits, 'maxRequestBytes' | 'maxJsonDepth' | 'maxUnsentBytes'> & AllowanceLimits,
): Promise<void> {
  const write = (json: string) => void (output.writable && output.write(`${json}\n`));
  let onIdle = () => {};
  const out = {
    write,
    get isOpen() {
      return output.writable;
    },
    get mayNotify() {
      return output.writableLength <= limits.maxUnsentBytes;
    },
  };
  const who = { name: 'stdio', agent: undefined, selection } as const;
  const pipe = createPipe(dispatcher, who, out, limits, new Allowance(limits), () => onIdle());

  return new Promise((resolve) => {
    const onLine = (line: string) => {
      if (line.trim() !== '') pipe.receive(line);
    };
    const { maxRequestBytes } = limits;
    const refuse = (text: string) => write(writeError(undefined, new ProtocolError(RPC.parseError, text)));
    const lines = createLineReader(
      maxRequestBytes,
      onLine,
      () =>
        refuse(`The line is longer than ${maxRequestBytes} bytes (limits.maxRequestBytes in servers.json).`),
      () => refuse('The line is not valid UTF-8.'),
    );
    input.on('data', (chunk: Buffer) => lines.feed(chunk));
    input.once('end', () => {
      onIdle = resolve;
      // What it asked before it said goodbye is still answered, if that does not take long (`echo … | … --stdio`).
      if (pipe.waiting === 0) resolve();
      else setTimeout(resolve, LAST_ANSWERS_MS);
    });
    // The reader of our output has gone.
    output.on('error', () => resolve());
  });
}
