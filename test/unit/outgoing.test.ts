import { expect, test } from 'vitest';
import type { OutgoingRequest } from '../../src/downstream/link.ts';
import { createComposer } from '../../src/downstream/outgoing.ts';
import { type Era, META } from '../../src/protocol/eras.ts';
import type { Params } from '../../src/protocol/messages.ts';
import { IMPLEMENTATION } from '../../src/version.ts';

const ENVELOPE = { [META.protocolVersion]: '2026-07-28', [META.clientInfo]: IMPLEMENTATION };
const PLAIN = { ...ENVELOPE, [META.clientCapabilities]: {} };
const CALL = { name: 'look', arguments: { at: 'é' } };
const TRACED = { traceparent: '00-1' };
const SAYING: Partial<OutgoingRequest> = { logLevel: 'info', capabilities: { roots: {} } };

const ROWS: [what: string, era: Era, request: Partial<OutgoingRequest>, params: Params][] = [
  ['nothing', 'legacy', {}, {}],
  ['what it has', 'legacy', { params: CALL }, CALL],
  [
    'no fields without a value',
    'legacy',
    { params: { ...CALL, cursor: undefined, task: 1 } },
    { ...CALL, task: 1 },
  ],
  [
    'arguments as they were written',
    'legacy',
    { params: CALL, argumentsJson: '{"a":1}' },
    { name: 'look', arguments: { a: 1 } },
  ],
  ['a progress token', 'legacy', { progress: true }, { _meta: { progressToken: 7 } }],
  [
    'a progress token behind the rest',
    'legacy',
    { params: CALL, progress: true },
    { ...CALL, _meta: { progressToken: 7 } },
  ],
  ['what is passed on', 'legacy', { params: { _meta: TRACED, ...CALL } }, { ...CALL, _meta: TRACED }],
  [
    'what is passed on, and a progress token',
    'legacy',
    { params: { ...CALL, _meta: TRACED }, progress: true },
    { ...CALL, _meta: { ...TRACED, progressToken: 7 } },
  ],
  ['nothing of what modern ones are told', 'legacy', { ...SAYING, params: CALL }, CALL],
  ['the envelope', 'modern', {}, { _meta: PLAIN }],
  ['the envelope behind the rest', 'modern', { params: CALL }, { ...CALL, _meta: PLAIN }],
  [
    'a progress token',
    'modern',
    { params: CALL, progress: true },
    { ...CALL, _meta: { progressToken: 7, ...PLAIN } },
  ],
  [
    'what is passed on, and a progress token',
    'modern',
    { params: { _meta: TRACED }, progress: true },
    { _meta: { ...TRACED, progressToken: 7, ...PLAIN } },
  ],
  [
    'what its caller can be asked and wants to hear, and a progress token',
    'modern',
    { ...SAYING, params: CALL, progress: true },
    {
      ...CALL,
      _meta: {
        progressToken: 7,
        ...ENVELOPE,
        [META.clientCapabilities]: { roots: {} },
        [META.logLevel]: 'info',
      },
    },
  ],
  [
    'answers',
    'modern',
    { params: CALL, answers: { requestState: 's' } },
    { ...CALL, requestState: 's', _meta: PLAIN },
  ],
];

test.each(ROWS)('a request goes out with %s (%s)', (_what, era, request, params) => {
  const compose = createComposer(era, '2026-07-28');
  const json = compose(7, { method: 'tools/call', params: {}, progress: false, ...request });
  expect(json).toBe(JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params }));
});
