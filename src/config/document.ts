import type { Node } from 'jsonc-parser';
import type { ConfigProblem } from './config-error.ts';
import type { Place, Report } from './problems.ts';
import { createLineFinder, type LineFinder, parseText } from './syntax.ts';

export interface Document {
  /** Its objects have no prototype, so that a key named `constructor` is a key like any other. */
  readonly value: unknown;
  /** How far into the text a place stands; for one that is not there, what it would stand in. */
  offsetOf(at: Place): number;
  /**
   * What JSON lets pass: of two equal keys the last counts, and the first one's settings are gone without a word. What was
   * taken out of `value` is not looked at.
   */
  reportKeys(report: Report): void;
}

/** JSON with comments and trailing commas, or what is wrong with it by line and column. */
export function parseDocument(text: string): Document | { readonly problems: readonly ConfigProblem[] } {
  const parsed = parseText(text);
  if ('problems' in parsed) return parsed;
  const index = indexOf(parsed.root);
  const value = plainValue(parsed.root, text);
  return {
    value,
    offsetOf: (at) => offsetIn(index, at),
    reportKeys: (report) => reportKeys(index, value, [], createLineFinder(text), report),
  };
}

/**
 * Without `__proto__`, which is refused: code that copies objects would mistake it for their prototype. A number that is
 * none here, since it would be another one, is NaN.
 */
function plainValue(node: Node, text: string): unknown {
  if (node.type === 'array') return (node.children ?? []).map((item) => plainValue(item, text));
  if (node.type === 'number') {
    return isExact(text.slice(node.offset, node.offset + node.length)) ? node.value : Number.NaN;
  }
  if (node.type !== 'object') return node.value;
  const object: Record<string, unknown> = Object.create(null);
  for (const { children: [name, value] = [] } of node.children ?? []) {
    if (name === undefined || value === undefined || name.value === '__proto__') continue;
    object[name.value] = plainValue(value, text);
  }
  return object;
}

/** Whether a number of JSON is the same here. */
export const isExact = (written: string) => decimalOf(written) === decimalOf(String(Number(written)));

/** Of one that is not. */
export const INEXACT = 'a number that would be sent as another one; write it with fewer digits, or as text';

/** A number in one way, however it is written: `1.50e3` and `1500` are `15e2`. */
function decimalOf(written: string): string {
  const [, whole = '', fraction = '', exponent = '0'] = /^-?(\d*)\.?(\d*)(?:e(.*))?$/i.exec(written) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  return kept === '' ? '0' : `${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}

interface Index {
  readonly offset: number;
  readonly inside: Map<string | number, Index>;
  /** Where a key stands that stands more than once, for each such key. */
  readonly repeated: Map<string, number[]>;
}

function indexOf(node: Node, offset = node.offset): Index {
  const index: Index = { offset, inside: new Map(), repeated: new Map() };
  for (const [position, child] of (node.children ?? []).entries()) {
    if (node.type === 'array') index.inside.set(position, indexOf(child));
    else addProperty(index, child);
  }
  return index;
}

function addProperty(index: Index, property: Node): void {
  const [name, value] = property.children ?? [];
  if (name === undefined || value === undefined) return;
  const key: string = name.value;
  const earlier = index.inside.get(key);
  if (earlier !== undefined) {
    const offsets = index.repeated.get(key);
    if (offsets === undefined) index.repeated.set(key, [earlier.offset, property.offset]);
    else offsets.push(property.offset);
  }
  index.inside.set(key, indexOf(value, property.offset));
}

function offsetIn(index: Index, at: Place): number {
  let here = index;
  for (const step of at) {
    const next = here.inside.get(step);
    if (next === undefined) break;
    here = next;
  }
  return here.offset;
}

function reportKeys(index: Index, value: unknown, at: Place, lineOf: LineFinder, report: Report): void {
  for (const [key, offsets] of index.repeated) {
    const times = offsets.length === 2 ? 'twice' : `${offsets.length} times`;
    const [first, second] = offsets.map((offset) => lineOf(offset).line);
    const lines = first === second ? `line ${first}` : `lines ${first} and ${second}`;
    report([...at, key], `appears ${times} (${lines}); keep one`);
  }
  for (const [step, inner] of index.inside) {
    if (step === '__proto__') report([...at, step], 'cannot be used as a name; choose another');
    else if (Object.hasOwn(value as object, step)) {
      reportKeys(inner, (value as Record<string | number, unknown>)[step], [...at, step], lineOf, report);
    }
  }
}
