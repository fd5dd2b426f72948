import { brotliCompressSync, gzipSync } from 'node:zlib';
import {
  bomb,
  but,
  bytes,
  chunk,
  chunked,
  drip,
  endless,
  event,
  events,
  fin,
  good,
  head,
  json,
  lastChunk,
  many,
  progress,
  resultBut,
  rst,
  silence,
  status,
  stream,
  whole,
} from '../support/evil/steps.ts';
import type { Step } from '../support/evil/wire.ts';
import type { Fault, Script } from './fault.ts';

const TOO_LATE = 'did not answer % within 400 ms.';
const ENDED = 'sent no answer (its reply ended early).';
const CUT = 'closed the connection before answering.';
const TOO_LARGE = 'answered with more than 256 KiB, the limit set by limits.maxResultBytes.';
const NOT_MCP = 'answered with something that is not MCP';

const oneByteAChunk: Step = async (wire) => {
  for (const byte of Buffer.from(event(good)(wire))) await many(1, Buffer.from([byte]))(wire);
};

const late = (what: string, ...steps: Step[]): Script => ({
  what,
  steps,
  told: TOO_LATE,
  mayHaveRun: true,
  holds: true,
});
const cut = (what: string, ...steps: Step[]): Script => ({
  what,
  steps,
  told: CUT,
  mayHaveRun: true,
});
const ended = (what: string, ...steps: Step[]): Script => ({
  ...cut(what, ...steps),
  told: ENDED,
});
const tooLarge = (what: string, ...steps: Step[]): Script => ({
  ...cut(what, ...steps),
  told: TOO_LARGE,
});
const nonsense = (what: string, kind: string, ...steps: Step[]): Script => ({
  ...cut(what, ...steps),
  told: `${NOT_MCP} (${kind}).`,
});
const answered = (what: string, ...steps: Step[]): Script => ({
  what,
  steps,
  told: 'the answer',
});

const odd = (what: string, other: Readonly<Record<string, unknown>>): Script => ({
  ...answered(what, whole(resultBut(other))),
  other,
  methods: ['tools/call'],
});
const oddContent = (what: string, block: unknown) =>
  odd(what, { content: [{ type: 'text', text: 'well' }, block] });

const refused = (code: number): Script => ({
  what: `HTTP ${code}`,
  steps: [status(code, { 'www-authenticate': 'Bearer', 'content-type': 'text/plain' })],
  told: `refused this gateway's credentials (HTTP ${code}).`,
});
const limited = (what: string, retryAfter: string | undefined, when: string): Script => ({
  what,
  steps: [status(429, retryAfter === undefined ? {} : { 'retry-after': retryAfter })],
  told: `is limiting requests (HTTP 429). Try again ${when}.`,
});
const redirect = (code: number, location: string, where: string): Script => ({
  what: `${code} to ${location}`,
  steps: [status(code, { location }, '')],
  told: `redirects to ${where} (HTTP ${code}), and headers are never sent to an address that is not in servers.json.`,
});

/** Section B: a downstream over HTTP behaves badly. */
export const HTTP_FAULTS: readonly Fault[] = [
  {
    id: 'F16',
    promise: 'a host name that is not found is told of in those words',
    elsewhere: ['test/behaviour/connect-reasons.test.ts: %s is named'],
    notHere: 'a resolver that hangs: it would have to be one of this machine',
  },
  {
    id: 'F17',
    promise: 'a connection that is refused is told of, and a call for which nothing was sent is sent again',
    elsewhere: [
      'test/behaviour/restarts-behind.test.ts: that starts again within 300 ms, and again, costs no call that comes meanwhile',
      'test/behaviour/restarts-behind.test.ts: that does not come back is told of within seconds, and then at once',
      'test/behaviour/retries.test.ts: %s twice while it is asked for its tools, they are listed',
      'test/behaviour/lifecycle.test.ts: one downstream that refuses connections takes nothing from the others',
    ],
  },
  {
    id: 'F18',
    promise: 'a certificate that does not hold is never accepted, and told of in words',
    elsewhere: [
      'test/faults/tls.test.ts: F18 a certificate that does not hold is refused, and told of as such',
    ],
  },
  {
    id: 'F19',
    promise: "a downstream's 401 or 403 is never the caller's own",
    scripts: [refused(401), refused(403)],
  },
  {
    id: 'F20',
    promise: 'a session that is lost is renewed, once for all who need it',
    elsewhere: [
      'test/behaviour/lifecycle.test.ts: a downstream that forgot its session gets a new one, and the call goes through',
      'test/behaviour/lifecycle.test.ts: a hundred calls that find their session gone open one new session together',
      'test/behaviour/restarts-behind.test.ts: a server that loses its session again and again is not taken for one that crashes',
    ],
  },
  {
    id: 'F21',
    promise: 'so is one of which the downstream says 400',
    elsewhere: [
      'test/behaviour/faults.test.ts: a session that was lost is renewed when the downstream says %s',
    ],
  },
  {
    id: 'F22',
    promise: 'a limit of the downstream is told with its time, where that makes sense',
    scripts: [
      limited('with seconds', '2', 'in 2 s'),
      limited('with a date', 'Wed, 21 Oct 2065 07:28:00 GMT', 'later'),
      limited('with an absurd time', '1000000000', 'later'),
      limited('with a negative time', '-1', 'later'),
      limited('without a time', undefined, 'later'),
    ],
    elsewhere: [
      'test/behaviour/retries.test.ts: and wants it again %s does not get it',
      'test/behaviour/retries.test.ts: and wants a call again at once gets it again, once',
    ],
  },
  {
    id: 'F23',
    promise: 'a status that says failed is a failure, whose body goes nowhere',
    scripts: [
      ...[500, 502, 503, 504].map(
        (code): Script => ({
          what: `HTTP ${code}`,
          steps: [status(code, { 'content-type': 'text/plain' }, 'boom'.padEnd(1_000_000, '.'))],
          told: `failed (HTTP ${code}).`,
          mayHaveRun: true,
        }),
      ),
      { what: 'HTTP 400', steps: [status(400)], told: 'failed (HTTP 400).' },
    ],
    elsewhere: ['test/behaviour/retries.test.ts: %s, a call is sent once, and not more'],
  },
  {
    id: 'F24',
    promise: 'a redirect is not followed, and headers go nowhere else',
    scripts: [
      ...[301, 302, 303, 307, 308].map((code) =>
        redirect(code, 'https://evil.example/mcp?key=x', 'https://evil.example'),
      ),
      redirect(307, '/mcp', 'another path'),
      redirect(307, '//evil.example/mcp', 'another path'),
      {
        what: '307 to what is no server',
        steps: [status(307, { location: 'file:///etc/passwd' }, '')],
        told: 'failed (HTTP 307).',
      },
    ],
  },
  {
    id: 'F25',
    promise: 'an answer that is no MCP is a failure at once, and nothing of it is passed on',
    scripts: [
      nonsense('a web page', 'text/html', whole('<title>Sign in</title>', { 'content-type': 'text/html' })),
      nonsense('no content type', 'no content type', whole(good, {})),
      nonsense(
        'UTF-16',
        'not UTF-8',
        whole((wire) => Buffer.from(`\ufeff${good(wire)}`, 'utf16le'), {
          'content-type': 'application/json; charset=utf-16',
        }),
      ),
      nonsense(
        'a content type with controls',
        'no readable content type',
        whole(good, { 'content-type': 'a b/c;' }),
      ),
    ],
  },
  {
    id: 'F26',
    promise: 'a body that is no answer is a failure at once',
    scripts: [
      ...['{"jsonrpc":"2.0",', '{', '{"a":NaN}', "{'a':1}", '"', 'undefined', '{}{}', '\u0000', '[1,'].map(
        (body) => nonsense(`invalid JSON ${JSON.stringify(body)}`, 'invalid JSON', whole(body)),
      ),
      ...['', 'null', '7', '"text"', 'true', '[]', '{}', '[null,7]', '{"jsonrpc":"2.0"}', '{"id":null}'].map(
        (body) => ({
          ...cut(`no answer in ${JSON.stringify(body)}`, whole(body)),
          told: 'sent no answer',
        }),
      ),
      ...[{ result: undefined }, { result: null }, { result: 'x' }, { result: [] }].map((other) =>
        nonsense(`result ${JSON.stringify(other)}`, 'an answer without result or error', whole(but(other))),
      ),
      ...[null, 'x', {}, { code: 'x', message: 'y' }, { code: 1.5, message: 'y' }, { code: 1 }].map((error) =>
        nonsense(
          `error ${JSON.stringify(error)}`,
          'an answer without result or error',
          whole(but({ result: undefined, error })),
        ),
      ),
      nonsense('bytes that are no UTF-8', 'not UTF-8', whole(Buffer.from([0x22, 0xc3, 0x28, 0x22]))),
      answered(
        'a byte order mark before it',
        whole((wire) => `\ufeff${good(wire)}`),
      ),
      cut(
        'a body that is shorter than its length',
        head({ ...json, 'content-length': '1000' }),
        bytes('{"a":'),
        fin,
      ),
    ],
  },
  {
    id: 'F27',
    promise: 'an answer to another request is none, and of two answers the first counts',
    scripts: [
      {
        ...ended('JSON for another', whole(but({ id: 'other' }))),
        told: 'sent no answer (its reply was for another request).',
      },
      {
        ...ended('events for another', ...events(event(but({ id: 999 })))),
        told: 'sent no answer (its reply was for another request).',
      },
      answered('two answers', ...events(event(good), event(resultBut({ content: [], second: true })))),
      answered('another and then its own', ...events(event(but({ id: 999 })), event(good))),
    ],
  },
  {
    id: 'F28',
    promise: 'a request that is accepted like a notification has no answer, and that is told at once',
    scripts: [202, 204].map((code) => ({
      ...ended(`HTTP ${code}`, status(code, {}, '')),
      told: `sent no answer (HTTP ${code}).`,
    })),
  },
  {
    id: 'F29',
    promise: 'a stream that ends without the answer fails its call at once',
    scripts: [
      ended('after nothing', ...events()),
      ended('after one event', ...events(progress(1))),
      ended('after ten events', ...events(...Array.from({ length: 10 }, (_, n) => progress(n)))),
      ended('in the middle of an event', ...events('data: {"jsonrpc":')),
      cut('reset after the head', chunked(stream), rst),
      cut('reset after one event', chunked(stream), chunk(progress(1)), rst),
      cut('closed between two chunks', chunked(stream), chunk(progress(1)), fin),
      cut('reset before any byte', rst),
      cut('closed before any byte', fin),
      cut('closed in the head', bytes('HTTP/1.1 200 OK\r\nContent-Ty'), fin),
      nonsense('something that is not HTTP', 'malformed HTTP', bytes('SSH-2.0-OpenSSH_9.6\r\n'), fin),
    ],
    command: 'npx tsx bench/attacks.ts',
  },
  {
    id: 'F30',
    promise: 'a stream that falls silent costs its call the deadline, and nothing else',
    scripts: [
      late('silent from the head on', chunked(stream), silence),
      late('silent after an event', chunked(stream), chunk(progress(1)), silence),
    ],
    notHere: 'packets that are dropped on the way: it takes rights over the network of the machine',
  },
  {
    id: 'F31',
    promise: 'a call that hangs ends at its deadline, and its slot is free again',
    scripts: [
      late('no head', silence),
      late('half a head', bytes('HTTP/1.1 200 OK\r\n'), silence),
      late('a head and no body', head({ ...json, 'content-length': '1000' }), silence),
      late('half a body', head({ ...json, 'content-length': '1000' }), bytes('{"jsonrpc":'), silence),
    ],
    elsewhere: [
      'test/behaviour/faults.test.ts: calls that hang do not keep a legacy downstream from the calls after them',
    ],
    command: 'npx tsx bench/lateness.ts',
  },
  {
    id: 'F32',
    promise: 'a connection that its downstream closes while it rests costs no call its answer',
    elsewhere: [
      'test/faults/http-more.test.ts: F32 a connection that is closed as soon as it rests costs no call its answer',
    ],
  },
  {
    id: 'F33',
    promise: 'a host that moves to another address is found there',
    notHere:
      'it takes a resolver; connections are looked up anew whenever one is opened, and Node tries both families',
  },
  {
    id: 'F34',
    promise: 'an event stream means the same however it is written and cut',
    scripts: [
      answered('lines ended by CR', ...events((wire) => `data: ${good(wire)}\r\r`)),
      answered('lines ended by CRLF', ...events((wire) => `event: message\r\ndata: ${good(wire)}\r\n\r\n`)),
      answered('a byte order mark', ...events((wire) => `\ufeffdata: ${good(wire)}\n\n`)),
      answered('comments and fields between', ...events(': hello\n\nid: 1\nretry: 9\n\n', event(good))),
      answered(
        'many data lines',
        ...events((wire) => `${good(wire).replaceAll(/^|,(?=")/g, (c) => `${c}\ndata: `)}\n\n`.trimStart()),
      ),
      answered('no space behind the colon', ...events((wire) => `data:${good(wire)}\n\n`)),
      answered('one byte a chunk', chunked(stream), oneByteAChunk, lastChunk),
      answered(
        'an answer until the connection ends',
        head(stream),
        bytes(event(resultBut({ more: 'é🎈' }))),
        fin,
      ),
      ended('the last event not ended', ...events((wire) => `data: ${good(wire)}\n`)),
      nonsense(
        'a character that is none',
        'not UTF-8',
        ...events(Buffer.from([0x64, 0xc3, 0x28, 0x0a, 0x0a])),
      ),
    ],
    elsewhere: ['test/unit/streams.test.ts: events are the same wherever the stream is cut'],
  },
  {
    id: 'F35',
    promise: 'an answer that drips does not outlast the deadline',
    scripts: [
      late(
        'a body',
        head({ ...json, 'content-length': '100000' }),
        drip('{"jsonrpc":"2.0",'.padEnd(100_000), 1, 5),
        silence,
      ),
      late('a head', drip(`HTTP/1.1 200 OK\r\nx-long: ${'x'.repeat(10_000)}`, 1, 5), silence),
      late(
        'comments',
        chunked(stream),
        drip(':\n'.repeat(1000).replaceAll(':\n', '2\r\n:\n\r\n'), 7, 5),
        silence,
      ),
    ],
  },
  {
    id: 'F36',
    promise: 'an answer over the limit is not read on',
    scripts: [
      tooLarge(
        'of a length that is told',
        head({ ...json, 'content-length': '200000000' }),
        bytes(Buffer.alloc(1_000_000, 0x20)),
        silence,
      ),
      tooLarge('in chunks without end', chunked(json), endless(' '.repeat(65_536))),
      tooLarge('as one event', chunked(stream), chunk('data: '), endless('x'.repeat(65_536))),
    ],
    command: 'npx tsx bench/attacks.ts',
  },
  {
    id: 'F37',
    promise: 'of a compressed answer its size after that counts',
    scripts: [
      tooLarge('gzip', whole(bomb(50_000_000, 'gzip'), { ...json, 'content-encoding': 'gzip' })),
      tooLarge('brotli', whole(bomb(50_000_000, 'br'), { ...json, 'content-encoding': 'br' })),
      answered(
        'small, gzip',
        whole((wire) => gzipSync(good(wire)), { ...json, 'content-encoding': 'gzip' }),
      ),
      answered(
        'small, brotli',
        whole((wire) => brotliCompressSync(good(wire)), { ...json, 'content-encoding': 'br' }),
      ),
      nonsense(
        'broken',
        'a broken content encoding',
        whole('no gzip at all', { ...json, 'content-encoding': 'gzip' }),
      ),
      nonsense(
        'twice',
        'no readable content type',
        whole((wire) => gzipSync(gzipSync(good(wire))), { ...json, 'content-encoding': 'gzip, gzip' }),
      ),
    ],
    command: 'npx tsx bench/attacks.ts',
  },
  {
    id: 'F38',
    promise: 'what has no end has one here',
    scripts: [
      tooLarge('an event', chunked(stream), chunk('data: '), endless('data: x\n'.repeat(8192))),
      tooLarge('comments', chunked(stream), endless(': nothing to say\n'.repeat(4096))),
      tooLarge('events without data', chunked(stream), endless('event: message\n\n'.repeat(4096))),
      { ...late('notices', chunked(stream), endless(progress(1))), progress: true },
    ],
    command: 'npx tsx bench/attacks.ts',
    elsewhere: [
      'test/behaviour/downstream-floods.test.ts: of more notices than maxNoticesPerSecond the rest is dropped, and the answer behind them is not',
    ],
  },
  {
    id: 'F39',
    promise: 'a list without end is cut, with a warning',
    elsewhere: ['test/behaviour/lifecycle.test.ts: that %s is cut, with a warning'],
  },
  {
    id: 'F40',
    promise: 'an odd cursor costs no tool',
    elsewhere: ['test/behaviour/lifecycle.test.ts: whose next cursor is %s keeps its tools'],
  },
  {
    id: 'F41',
    promise: 'two tools of one name are two names, and a note',
    elsewhere: ['test/faults/http-more.test.ts: F41 two tools of one name are two names, and a note'],
  },
  {
    id: 'F42',
    promise: 'a tool that callers would refuse the list for costs itself alone',
    elsewhere: [
      'test/behaviour/catalog.test.ts: a tool %s is left out with its reason, and the other ninety-nine stay',
      'test/behaviour/faults.test.ts: is one tool left out, and no other downstream hears of it',
      'test/unit/schema-rules.test.ts: whatever a downstream writes, the root is plain or there is a fault, and nothing is changed in place',
    ],
  },
  {
    id: 'F43',
    promise: 'an odd result is passed on, since the call has run',
    scripts: [
      odd('structured content that its schema does not allow', { structuredContent: { n: 'seven' } }),
      odd('unknown fields', { future: { a: 1 }, _meta: { 'x/y': [1] } }),
      oddContent('a block of an unknown kind', { type: 'hologram', data: 1 }),
      oddContent('a block without a type', { text: 'x' }),
      oddContent('a block that is null', null),
      oddContent('an image that is no base64', { type: 'image', data: '*', mimeType: 'image/png' }),
      oddContent('a text that is a number', { type: 'text', text: 7 }),
      oddContent('a lone surrogate', { type: 'text', text: '\ud800' }),
      odd('content that is null', { content: null, more: 'well' }),
      odd('no content', { content: undefined, more: 'well' }),
      odd('content that is no array', { content: { type: 'text', text: 'well' } }),
    ],
  },
  {
    id: 'F44',
    promise: 'an output schema that is made to be slow is judged by nobody',
    elsewhere: [
      'test/faults/http-more.test.ts: F44 an output schema that is made to be slow is judged by nobody',
    ],
  },
  {
    id: 'F45',
    promise: 'every name that callers see is valid, whatever a tool is called',
    elsewhere: [
      'test/unit/names.test.ts: every name is valid, whatever a downstream calls its tool',
      'test/unit/catalog-fuzz.test.ts: ten thousand catalogs: each exposed name is valid and unique, and leads to the tool it was made of',
    ],
  },
  {
    id: 'F46',
    promise: 'a call in flight ends as it began although its tool is gone meanwhile',
    elsewhere: [
      'test/faults/http-more.test.ts: F46 a call in flight ends as it began although its tool is gone meanwhile; a new one hears that there is none',
    ],
  },
  {
    id: 'F47',
    promise: 'a storm of announcements is a few listings',
    elsewhere: [
      'test/behaviour/changes.test.ts: that announces twenty changes in a burst is listed a few times, and the last is not missed',
      'test/unit/list-keeper.test.ts: a server that announces a change after each of its lists is asked ever more slowly',
    ],
  },
  {
    id: 'F48',
    promise: 'a stream of notices that keeps closing is given up, and lists are asked for by time',
    elsewhere: [
      'test/behaviour/notice-streams.test.ts: a stream of notices that is closed at once is given up after three times, and calls go on',
      'test/behaviour/changes.test.ts: a server whose stream of notices is cut is listed again when its list expires',
    ],
  },
  {
    id: 'F49',
    promise: 'a downstream that dies under load is spared until it is back',
    elsewhere: [
      'test/behaviour/circuit.test.ts: one call finds out whether it has recovered, and then all are sent again',
      'test/behaviour/retries.test.ts: a downstream that fails is not met by three times the requests that it got',
    ],
  },
  {
    id: 'F50',
    promise: 'a slow downstream takes nothing from the others',
    scripts: [{ ...late('it never answers', silence), methods: ['tools/call'] }],
    elsewhere: [
      'test/behaviour/bulkhead.test.ts: as many requests as maxInFlight run, as many as maxQueue wait in order, the next one hears at once that it is busy',
    ],
  },
  {
    id: 'F51',
    promise: 'of progress a caller hears what makes sense, and no flood',
    elsewhere: [
      'test/behaviour/running-calls.test.ts: progress that goes back, or that nobody asked for, does not reach the caller',
      'test/faults/http-more.test.ts: F51 of a flood of progress a caller hears a part, in order, and the answer',
    ],
  },
  {
    id: 'F52',
    promise: 'an answer that comes too late is nobody’s',
    elsewhere: [
      'test/faults/http-more.test.ts: F52 an answer that comes after the deadline, from a %s downstream, is nobody’s',
    ],
  },
  {
    id: 'F53',
    promise: 'what a downstream asks is answered under its own id, whatever that is',
    elsewhere: [
      'test/faults/http-more.test.ts: F53 what a legacy downstream asks is answered under its own id, whatever that is',
    ],
  },
  {
    id: 'F54',
    promise: 'a question goes to the caller whose call it is, and to nobody where that is not known',
    elsewhere: [
      'test/behaviour/asking-connections.test.ts: a question on a pipe that could be of two calls is refused',
      'test/behaviour/failures.test.ts: a legacy downstream that asks its caller something is told at once that nobody answers',
      'test/behaviour/sessions.test.ts: is taken up by the request that it belongs to, and by no other',
    ],
  },
  {
    id: 'F55',
    promise: 'HTTP/2 is not spoken',
    notHere: 'connections are HTTP/1.1: undici speaks HTTP/2 only where it is told to',
  },
];
