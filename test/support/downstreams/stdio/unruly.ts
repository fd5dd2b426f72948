// Has a tool for each way to break the rules of stdio, or to stretch them.
import { closeSync } from 'node:fs';
import type { Message } from '../../messages.ts';
import { send, serveLines } from './lines.ts';

const text = (value: string) => ({ content: [{ type: 'text', text: value }] });

const tools: Record<string, (id: Message['id']) => void> = {
  // Lives on, and can never answer again.
  closes_stdout() {
    // Node keeps it open for its own stream, whatever is done to that.
    closeSync(1);
    setInterval(() => {}, 1000);
  },
  // The same: it hears nothing any more.
  closes_stdin(id) {
    // Before it has answered: what comes then is not heard for certain.
    process.stdin.destroy();
    closeSync(0);
    send({ id, result: text('hears no more') });
    setInterval(() => {}, 1000);
  },
  half_a_line(id) {
    process.stdout.write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"resu`, () => process.exit(0));
  },
  answers_and_exits(id) {
    const answer = { jsonrpc: '2.0', id, result: text('x'.repeat(1_000_000)) };
    process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
  },
  invalid_utf8(id) {
    process.stdout.write(Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0xc3, 0x0a]));
    const [before, after] = JSON.stringify({ jsonrpc: '2.0', id, result: text('a%b') }).split('%');
    process.stdout.write(
      Buffer.concat([Buffer.from(before ?? ''), Buffer.from([0xff]), Buffer.from(`${after}\n`)]),
    );
  },
  no_newline(id) {
    const piece = Buffer.alloc(1024 * 1024, 'x');
    let left = 256;
    const next = () => {
      if (left-- > 0) return process.stdout.write(piece, next);
      process.stdout.write('\n');
      return send({ id, result: text('after all that') });
    };
    next();
  },
  floods_stderr(id) {
    const line = `${'e'.repeat(4000)}\n`.repeat(250);
    let left = 256;
    const next = () => {
      if (left-- > 0) return process.stderr.write(line, next);
      return send({ id, result: text('said a lot') });
    };
    next();
  },
  batches(id) {
    const log = { method: 'notifications/message', params: { level: 'info', data: 'almost' } };
    const messages = [log, { id, result: text('in a batch') }].map((each) => ({ jsonrpc: '2.0', ...each }));
    process.stdout.write(`${JSON.stringify(messages)}\n`);
  },
  stops_reading(id) {
    process.stdin.pause();
    setInterval(() => {}, 1000);
    send({ id, result: text('reads no more') });
  },
};

serveLines(({ id, method, params }) => {
  const tool = method === 'tools/call' ? tools[params.name] : undefined;
  tool?.(id);
  return tool !== undefined;
}, Object.keys(tools));
