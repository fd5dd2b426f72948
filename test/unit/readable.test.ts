import { expect, test } from 'vitest';
import { readable } from '../../src/cli/readable.ts';
import { createLog, createSecrets } from '../../src/log.ts';

/** What a person reads of these lines, but for the time. */
function read(isColoured: boolean, write: (log: ReturnType<typeof createLog>) => void): string {
  let text = '';
  const destination = {
    write(line: string) {
      text += readable(line, isColoured);
    },
  };
  write(createLog({ level: 'debug', secrets: createSecrets(['hunter22']), destination }));
  return text.replaceAll(/^\d\d:\d\d:\d\d /gm, '');
}

test('an event is one line on a terminal, and says nothing twice', () => {
  const text = read(false, (log) => {
    log.info({ event: 'listening', url: 'http://[::1]:8080/mcp' }, 'MCP is served at http://[::1]:8080/mcp');
    const crm = log.child({ downstream: 'crm' });
    crm.info({ event: 'downstream_ready', era: 'modern', tools: 2 }, '"crm" is connected');
    crm.warn({ event: 'line_too_long', maxBytes: 10 }, 'a line was too long, skipped');
    log.info({ event: 'reloaded', added: ['a', 'b'], removed: [] }, 'read again; added: a, b');
    log.debug({ event: 'stderr', line: 'with hunter22 and \x1b[31m' }, 'the process wrote to stderr');
  });
  expect(text.split('\n')).toEqual([
    'INFO  MCP is served at http://[::1]:8080/mcp',
    'INFO  "crm" is connected era=modern tools=2',
    'WARN  a line was too long, skipped downstream=crm maxBytes=10',
    'INFO  read again; added: a, b',
    'DEBUG the process wrote to stderr line=with [secret] and \\u001b[31m',
    '',
  ]);
});

test('a call is one line on a terminal: what, how it ended, for whom', () => {
  const call = { event: 'call', caller: 'token', agent: 'curl/8', id: 1, method: 'tools/call', ms: 41.3 };
  const text = read(false, (log) => {
    log.info({ ...call, downstream: 'crm', tool: 'crm_find', args: 'd6a4031f3afc59ff', outcome: 'ok' });
    log.info({ ...call, tool: 'nope', arguments: { a: 1 }, outcome: 'refused', code: -32602 });
    log.info({ ...call, agent: undefined, method: 'prompts/get', outcome: 'failed', reason: 'deadline' });
  });
  expect(text.split('\n')).toEqual([
    'INFO  crm_find: ok after 41.3 ms, for curl/8',
    'INFO  nope: refused (-32602) after 41.3 ms, for curl/8 {"a":1}',
    'INFO  prompts/get: failed (deadline) after 41.3 ms',
    '',
  ]);
});

test('what others have named stays on its line', () => {
  const text = read(false, (log) => {
    log.info({ event: 'call', tool: 'x\n12:00:00 INFO  fake', outcome: 'refused', code: -32602, ms: 1 });
    log.info({ event: 'downstream_ready', version: '1\n2' }, 'it is connected');
  });
  expect(text.split('\n')).toEqual([
    'INFO  x 12:00:00 INFO  fake: refused (-32602) after 1 ms',
    'INFO  it is connected version=1 2',
    '',
  ]);
});

test('an error stands below its event, where it came from with what is a fault', () => {
  const err = new Error('it broke', { cause: new TypeError('by this') });
  const text = read(false, (log) => {
    log.warn({ event: 'relist_failed', err }, 'crm did not list its tools again');
    log.fatal({ event: 'crashed', err }, 'the gateway ends');
    log.error({ event: 'crashed', err: { odd: true } }, 'what was thrown is no error');
  });
  const [warned, fatal = ''] = text.split(/^(?=FATAL)/m);
  expect(warned).toBe(
    'WARN  crm did not list its tools again\n    Error: it broke\n    TypeError: by this\n',
  );
  expect(fatal).toMatch(/^FATAL the gateway ends\n {4}Error: it broke\n {4}at .*readable\.test/);
  expect(fatal).toMatch(/\nERROR what was thrown is no error\n {4}\{"odd":true\}\n$/);
});

test('only the level and what is beside the sentence are coloured', () => {
  const text = read(true, (log) => log.info({ event: 'circuit_open', retryInMs: 5 }, 'left alone'));
  expect(text).toBe('\x1b[32mINFO \x1b[39m left alone \x1b[90mretryInMs=5\x1b[39m\n');
});
