import { connect } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import { modernMeta, revision, token } from '../scene.ts';
import { cutAnywhere, type Dice, mutateBytes, mutateJson, writeJson } from './grammar.ts';
import { AnswerReader, type HttpAnswer } from './http-answer.ts';

/** What one caller sends on a connection of its own. */
export interface CallerCase {
  readonly bytes: Buffer;
  /** The request, where it is a whole one that nothing was done to but inside of its JSON. */
  readonly request: { readonly id: unknown; readonly isListening: boolean } | undefined;
  readonly pieces: readonly Buffer[];
}

const METHODS = [
  ['tools/call', { name: 'modern__work', arguments: { a: 1 } }],
  ['tools/call', { name: 'legacy__work', arguments: { a: 'é' } }],
  ['tools/call', { name: 'nobody__knows', arguments: {} }],
  ['tools/list', {}],
  ['prompts/list', {}],
  ['prompts/get', { name: 'modern__ask', arguments: {} }],
  ['resources/read', { uri: 'evil://resource' }],
  ['resources/templates/list', {}],
  [
    'completion/complete',
    { ref: { type: 'ref/prompt', name: 'legacy__ask' }, argument: { name: 'x', value: 'w' } },
  ],
  ['ping', {}],
  ['server/discover', {}],
  [
    'initialize',
    { protocolVersion: revision.legacy, capabilities: {}, clientInfo: { name: 'f', version: '1' } },
  ],
  ['logging/setLevel', { level: 'debug' }],
  ['subscriptions/listen', { notifications: { toolsListChanged: true } }],
  ['notifications/initialized', undefined],
  ['notifications/cancelled', { requestId: 1, reason: 'x' }],
  ['nobody/knows', { a: [] }],
] as const;
const IDS = [1, 0, -1, 'a', '', '__proto__', 2 ** 53, 'é'.repeat(50)] as const;
const ODD_VALUES = [
  '',
  ' ',
  ',',
  ';',
  '\t',
  '*/*',
  'é',
  'x'.repeat(2000),
  '0',
  '-1',
  'null',
  '"',
  '=?base64?!?=',
] as const;
const HEADER_NAMES = [
  'Host',
  'Authorization',
  'X-API-Key',
  'Content-Type',
  'Content-Encoding',
  'Content-Length',
  'Transfer-Encoding',
  'Connection',
  'Expect',
  'Accept',
  'Origin',
  'User-Agent',
  'Mcp-Protocol-Version',
  'Mcp-Method',
  'Mcp-Name',
  'Mcp-Session-Id',
  'Last-Event-ID',
  'Mcp-Param-A',
] as const;
const PATHS = [
  '/mcp?profile=claude',
  '/mcp/',
  '/mcp/x',
  '/mcp?',
  '/%',
  '/status',
  '/healthz',
  '/readyz',
  '/x',
  '//mcp',
];
const VERBS = ['GET', 'DELETE', 'PUT', 'OPTIONS', 'PATCH'];

/** @param session  an id that the gateway has given out, where there is one */
export function callerCase(given: Dice, session: string | undefined): CallerCase {
  const [method, params] = given.pick(METHODS);
  const isModern = given.chance(0.5);
  const id = given.pick(IDS);
  let message: unknown = {
    jsonrpc: '2.0',
    ...(!method.startsWith('notifications/') && { id }),
    method,
    ...(params !== undefined && { params: isModern ? { ...params, _meta: modernMeta } : params }),
  };
  let headers: [string, string][] = [
    ['Host', 'localhost'],
    ['Authorization', `Bearer ${token}`],
    ['Content-Type', 'application/json'],
    [
      'Accept',
      given.pick(['application/json', 'application/json, text/event-stream', '*/*', 'text/event-stream']),
    ],
  ];
  if (isModern) {
    const { name, uri } = (params ?? {}) as { name?: string; uri?: string };
    headers.push(['Mcp-Protocol-Version', revision.modern], ['Mcp-Method', method]);
    if ((name ?? uri) !== undefined) headers.push(['Mcp-Name', (name ?? uri) as string]);
  } else if (session !== undefined && given.chance(0.3)) headers.push(['Mcp-Session-Id', session]);

  if (given.chance(0.7)) {
    for (let times = 1 + given.upTo(3); times > 0; times--) message = mutateJson(given, message);
  }
  let body: Buffer = Buffer.from(writeJson(message));
  const isBodyBroken = given.chance(0.25);
  if (isBodyBroken) body = mutateBytes(given, body);

  let [verb, path] = ['POST', '/mcp'];
  let isHeadOdd = given.chance(0.4);
  if (isHeadOdd) {
    for (let times = 1 + given.upTo(3); times > 0; times--) headers = mutateHeaders(given, headers);
    if (given.chance(0.15)) verb = given.pick(VERBS);
    if (given.chance(0.15)) path = given.pick(PATHS);
  }
  const isChunked = given.chance(0.2);
  if (isChunked) {
    headers.push(['Transfer-Encoding', 'chunked']);
    const pieces = cutAnywhere(given, body).filter(({ length }) => length > 0);
    body = Buffer.concat([
      ...pieces.flatMap((piece) => [
        Buffer.from(`${piece.length.toString(16)}\r\n`),
        piece,
        Buffer.from('\r\n'),
      ]),
      Buffer.from('0\r\n\r\n'),
    ]);
  } else headers.push(['Content-Length', String(body.length)]);
  const head = `${verb} ${path} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  let bytes: Buffer = Buffer.concat([Buffer.from(head, 'latin1'), body]);
  if (given.chance(0.1)) {
    isHeadOdd = true;
    bytes = mutateBytes(given, bytes);
  }
  return {
    bytes,
    request: isHeadOdd || isBodyBroken ? undefined : requestIn(message),
    pieces: cutAnywhere(given, bytes),
  };
}

function requestIn(message: unknown): CallerCase['request'] {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return undefined;
  const { jsonrpc, id, method } = message as Record<string, unknown>;
  const isId = typeof id === 'string' || Number.isSafeInteger(id);
  if (jsonrpc !== '2.0' || !isId || typeof method !== 'string') return undefined;
  return { id, isListening: method === 'subscriptions/listen' };
}

function mutateHeaders(given: Dice, headers: readonly [string, string][]): [string, string][] {
  const at = given.upTo(headers.length);
  const name = given.pick(HEADER_NAMES);
  switch (given.upTo(5)) {
    case 0:
      return headers.filter((_, index) => index !== at);
    case 1:
      return [...headers, headers[at] as [string, string]];
    case 2:
      return headers.map(([each, value], index) => [each, index === at ? given.pick(ODD_VALUES) : value]);
    case 3:
      return [[name, given.pick(ODD_VALUES)], ...headers];
    default:
      return headers.map(([each, value], index) => [index === at ? each.toUpperCase() : each, value]);
  }
}

/** Sends it piece by piece, and gives the first answer. Undefined where the connection ended without any, or it took too long. */
export async function sendAsCaller(
  url: string,
  { pieces, request, bytes }: CallerCase,
  longestMs: number,
): Promise<HttpAnswer | undefined> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay(true);
  const reader = new AnswerReader(bytes.subarray(0, 4).toString() === 'HEAD');
  try {
    return await new Promise<HttpAnswer | undefined>((resolve, reject) => {
      const timer = setTimeout(() => resolve(undefined), longestMs);
      const settle = (isEnd: boolean) => {
        try {
          const answer = reader.answer(isEnd);
          // Streams of changes do not end by themselves.
          const isOpen = reader.head?.headers['content-type'] === 'text/event-stream';
          const stays = isOpen && (request === undefined || request.isListening);
          if (answer === undefined && !isEnd && !stays) return;
          clearTimeout(timer);
          resolve(answer ?? (stays ? reader.head : undefined));
        } catch (error) {
          clearTimeout(timer);
          reject(error);
        }
      };
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        reader.push(chunk);
        settle(false);
      });
      socket.on('close', () => settle(true));
      socket.once('connect', async () => {
        for (const piece of pieces) {
          if (!socket.writable) return;
          socket.write(piece);
          if (pieces.length < 30) await immediate();
        }
      });
    });
  } finally {
    socket.destroy();
  }
}
