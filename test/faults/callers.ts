import type { Fault } from './fault.ts';

/** Section D: callers behave badly. */
export const CALLER_FAULTS: readonly Fault[] = [
  {
    id: 'F64',
    promise: 'a caller that leaves cancels in the modern era, and does not in the legacy one',
    elsewhere: [
      'test/behaviour/repeats.test.ts: that is cut off and comes back at once gets the answer, and nothing is cancelled',
      'test/behaviour/running-calls.test.ts: a modern call whose caller closes its stream is cancelled downstream',
      'test/behaviour/running-calls.test.ts: a legacy call whose caller loses its connection runs on',
    ],
    command: 'npx tsx bench/duplicates.ts',
  },
  {
    id: 'F65',
    promise: 'a cancellation counts for its sender’s own call, and harms nobody else',
    elsewhere: [
      "test/behaviour/running-calls.test.ts: ends its sender's call and not another's that has the same id",
    ],
  },
  {
    id: 'F66',
    promise: 'callers that never read are bounded',
    elsewhere: [
      'test/behaviour/caller-limits.test.ts: is kept no more than maxUnsentBytes of progress, and its answer',
      'test/behaviour/caller-limits.test.ts: is cut when it reads nothing of a stream, and its call cancelled',
      'test/behaviour/caller-limits.test.ts: has its connection cut when nothing of an answer moves for unsentTimeoutMs',
    ],
    command: 'npx tsx bench/non-readers.ts',
  },
  {
    id: 'F67',
    promise: 'a flood of calls is refused with 429',
    elsewhere: [
      'test/behaviour/caller-limits.test.ts: is answered with 429, Retry-After and a JSON-RPC error beyond maxCallerInFlight, and later served again',
      'test/behaviour/caller-limits.test.ts: more requests in a minute than maxRequestsPerMinute are a 429 that says when to come again',
    ],
  },
  {
    id: 'F68',
    promise: 'connections are bounded',
    elsewhere: ['test/callers-misbehave/http.test.ts: says nothing at all, and is cut off'],
  },
  {
    id: 'F69',
    promise: 'slow headers and bodies are given up',
    elsewhere: [
      'test/callers-misbehave/http.test.ts: with its headers hears 408 and is cut off',
      'test/callers-misbehave/http.test.ts: with its body hears 408 and is cut off',
    ],
  },
  {
    id: 'F70',
    promise: 'headers that are too large or doubled are refused',
    elsewhere: [
      'test/callers-misbehave/http.test.ts: %s are refused in JSON, and the connection ends',
      'test/callers-misbehave/http.test.ts: of two Authorization headers none is picked: %s',
      'test/callers-misbehave/http.test.ts: of two Host headers none is picked',
    ],
  },
  {
    id: 'F71',
    promise: 'a body that is too large is refused unread, and none is read without the token',
    elsewhere: [
      'test/callers-misbehave/http.test.ts: without the token the answer comes before the body, which is not read',
      'test/callers-misbehave/http.test.ts: a body in chunks that does not end is cut off at maxRequestBytes',
      'test/behaviour/token.test.ts: without a token is refused before its body has come',
    ],
  },
  {
    id: 'F72',
    promise: 'another content type is refused',
    elsewhere: ['test/behaviour/endpoint.test.ts: no type'],
  },
  {
    id: 'F73',
    promise: 'a compressed body is refused',
    elsewhere: [
      'test/callers-misbehave/http.test.ts: a body that says %s is refused and not decoded',
      'test/behaviour/endpoint.test.ts: something compressed',
    ],
  },
  {
    id: 'F74',
    promise: 'bytes that are no UTF-8 are refused',
    elsewhere: [
      'test/callers-misbehave/json.test.ts: a body that is not UTF-8 is refused: %s',
      'test/callers-misbehave/json.test.ts: %s in a text arrives as it was, and comes back',
      'test/behaviour/endpoint.test.ts: bytes that are not UTF-8',
    ],
  },
  {
    id: 'F75',
    promise: 'JSON that is nested too deep is refused',
    elsewhere: [
      'test/callers-misbehave/json.test.ts: JSON nested %s levels deep',
      'test/behaviour/endpoint.test.ts: JSON nested thirty thousand deep',
    ],
  },
  {
    id: 'F76',
    promise: 'batches are refused',
    elsewhere: [
      'test/callers-misbehave/json.test.ts: the batch %s is refused as a whole',
      'test/behaviour/endpoint.test.ts: a batch',
    ],
  },
  {
    id: 'F77',
    promise: 'an id comes back as it came, and one that is none is refused',
    elsewhere: [
      'test/callers-misbehave/json.test.ts: the id %s comes back as it was',
      'test/callers-misbehave/json.test.ts: the id %s is refused',
      'test/behaviour/endpoint.test.ts: gives every id back as it came',
      'test/behaviour/endpoint.test.ts: a null id',
    ],
  },
  {
    id: 'F78',
    promise: 'doubled keys and those of JavaScript are data',
    elsewhere: [
      'test/callers-misbehave/json.test.ts: a key that appears twice counts as its last',
      'test/callers-misbehave/json.test.ts: __proto__ and constructor are names like any other, here and behind',
    ],
  },
  {
    id: 'F79',
    promise: 'ten thousand handshakes hold nothing',
    elsewhere: [
      'test/behaviour/endpoint.test.ts: gets a session id to tell its requests by, and nothing is kept under it',
    ],
    command: 'npx tsx bench/attacks.ts',
  },
  {
    id: 'F80',
    promise: 'a session that is not known is 404',
    elsewhere: [
      'test/behaviour/sessions.test.ts: is known after a restart with the same token, and not after its end or with another',
    ],
  },
  {
    id: 'F81',
    promise: 'odd paths are refused',
    elsewhere: [
      'test/callers-misbehave/targets.test.ts: POST %s is refused in JSON',
      'test/callers-misbehave/targets.test.ts: ten thousand targets made up at random are all refused, and the next call is served',
    ],
  },
  {
    id: 'F82',
    promise: 'odd methods are refused',
    elsewhere: [
      'test/callers-misbehave/targets.test.ts: %s is a 405 that allows POST',
      'test/callers-misbehave/targets.test.ts: CONNECT ends the connection, and a method that is none is a 400',
      'test/behaviour/endpoint.test.ts: answers %s without a session with 405 at once',
    ],
  },
  {
    id: 'F83',
    promise: 'pipelined requests are answered in order',
    elsewhere: [
      'test/callers-misbehave/http.test.ts: requests in one piece are answered each, and in order',
      'test/callers-misbehave/http.test.ts: after %s the same connection serves the next request',
    ],
  },
  {
    id: 'F84',
    promise: 'callers with the same ids and tokens do not cross',
    elsewhere: ['test/behaviour/endpoint.test.ts: keeps a hundred callers apart that all use id 1'],
  },
  {
    id: 'F85',
    promise: 'a question whose caller has gone is answered for it',
    elsewhere: ['test/faults/callers.test.ts: F85 a question whose caller has gone is taken back'],
  },
  {
    id: 'F86',
    promise: 'a call that takes long shows a sign of life in time',
    elsewhere: ['test/faults/callers.test.ts: F86 a call that takes long says so before its caller gives up'],
  },
];
