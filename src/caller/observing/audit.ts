import { hash } from 'node:crypto';
import { briefly } from '../../cut.ts';
import { redactedJson, type Secrets, shownJson } from '../../log.ts';
import { remembering } from '../../protocol/text.ts';
import { disarmJson } from '../../visible.ts';
import { type EndedCall, verdictOf } from './observed.ts';

export interface AuditOptions {
  /** Takes some lines, each with its line feed, and does not make anybody wait. */
  write(lines: string): void;
  readonly secrets: Pick<Secrets, 'size' | 'redact'>;
  /** The arguments themselves, too. */
  values: boolean;
  /** So many calls wait for their lines, which are made and written together. */
  batch: number;
}

/** The record of calls: a line about each, with who, when, what, and how it ended. */
export interface Audit {
  onEnded(call: EndedCall): void;
  /** Writes what waits. */
  flush(): void;
}

/** Longer arguments have their digest alone: a line is for a log. */
const MAX_VALUES_CHARS = 16 * 1024;

/** Of large calls fewer wait, and none longer. */
const BATCH_BYTES = 256 * 1024;
const FLUSH_MS = 250;

/**
 * Made by hand, since calls wait for their turn behind it: a logger's object and its writing are several times the price.
 * Made together, since what that takes of code is in the caches for the first one only.
 */
export function createAudit({ write, secrets, values, batch }: AuditOptions): Audit {
  const { redact } = secrets;
  const safe = (json: string) => shownJson(json, redact);
  const shownTime = createClock();

  /** A text as JSON, without what is hidden in it and without secrets. */
  const quoting = () => remembering((text) => safe(JSON.stringify(text)));
  let quoted = quoting();
  let known = secrets.size;

  function argumentsOf(given: unknown, forwarding: EndedCall['forwarding']): string {
    const isKnown = forwarding?.argumentsJson !== undefined && forwarding.params.arguments === given;
    const json = isKnown ? forwarding.argumentsJson : JSON.stringify(given);
    const digest = hash('sha256', json, 'hex').slice(0, 16);
    const shown =
      values && json.length <= MAX_VALUES_CHARS
        ? `,"arguments":${disarmJson(redactedJson(given, redact))}`
        : '';
    return `,"args":"${digest}","argsBytes":${Buffer.byteLength(json)}${shown}`;
  }

  function lineOf(call: EndedCall, endedAt: number): string {
    const { request, caller, forwarding, outcome, failure } = call;
    const { id, method, params } = request;
    const name = forwarding?.exposedName ?? nameOf(params);
    let line = `{"level":"info","time":"${shownTime(endedAt)}","event":"call","caller":"${caller.name}"`;
    if (caller.agent !== undefined) line += `,"agent":${quoted(caller.agent)}`;
    line += `,"id":${typeof id === 'number' ? id : safe(JSON.stringify(id))},"method":${quoted(method)}`;
    if (forwarding !== undefined) line += `,"downstream":${quoted(forwarding.downstream.key)}`;
    if (name !== undefined) line += `,"${method === 'tools/call' ? 'tool' : 'name'}":${quoted(name)}`;
    if (params?.arguments !== undefined) line += argumentsOf(params.arguments, forwarding);
    line += `,"outcome":"${verdictOf(call)}"`;
    if (failure !== undefined) line += `,"reason":"${failure.reason}"`;
    else if (outcome !== undefined && 'error' in outcome) line += `,"code":${Number(outcome.error.code)}`;
    return `${line},"ms":${Math.round(call.ms * 10) / 10},"resultBytes":${call.bytes}}\n`;
  }

  let calls: EndedCall[] = [];
  let times: number[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (known !== secrets.size) {
      known = secrets.size;
      quoted = quoting();
    }
    const ended = calls;
    const endedAt = times;
    calls = [];
    times = [];
    bytes = 0;
    let lines = '';
    for (let at = 0; at < ended.length; at++) lines += lineOf(ended[at] as EndedCall, endedAt[at] as number);
    if (lines !== '') write(lines);
  }

  return {
    onEnded(call) {
      calls.push(call);
      times.push(Date.now());
      bytes += call.bytes + (call.forwarding?.argumentsJson?.length ?? 0);
      if (calls.length >= batch || bytes >= BATCH_BYTES) flush();
      else timer ??= setTimeout(flush, FLUSH_MS);
    },
    flush,
  };
}

/** What a caller asked for that it was refused. */
function nameOf(params: EndedCall['request']['params']): string | undefined {
  const name = params?.name ?? params?.uri;
  return typeof name === 'string' ? briefly(name) : undefined;
}

/** The time as ISO 8601. All but the milliseconds are the same for a thousand of them. */
function createClock(): (at: number) => string {
  let second = -1;
  let start = '';
  return (now) => {
    const ms = now % 1000;
    if (now - ms !== second) {
      second = now - ms;
      start = new Date(second).toISOString().slice(0, 20);
    }
    return `${start}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`;
  };
}
