/** Numbers in [0, 1), and what is made of them. */
export interface Dice {
  readonly random: () => number;
  /** True so often. */
  chance(of: number): boolean;
  /** A whole number from 0 up to, and not, this. */
  upTo(limit: number): number;
  pick<T>(choices: readonly T[]): T;
}

export function dice(random: () => number): Dice {
  const upTo = (limit: number) => Math.floor(random() * limit);
  return {
    random,
    upTo,
    chance: (of) => random() < of,
    pick: <T>(choices: readonly T[]) => choices[upTo(choices.length)] as T,
  };
}

const ODD_STRINGS = [
  '',
  ' ',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  '\r\nX-Injected: yes\r\n',
  '\ud800',
  '\udc00\ud800',
  '\u2028\u2029',
  '\u202eright to left',
  '\u001b[31mred',
  'é'.repeat(100),
  '👩‍👩‍👧‍👦',
  '${SECRET}',
  'data: x\n\ndata: y',
  'x'.repeat(5000),
] as const;
const ODD_NUMBERS = [0, -0, -1, 0.1, 1e21, 2 ** 53, -(2 ** 63), 1e308, 5e-324] as const;

/** Any JSON value. */
export function anyJson(given: Dice, depth = 0): unknown {
  const kind = given.upTo(depth > 3 ? 5 : 7);
  switch (kind) {
    case 0:
      return null;
    case 1:
      return given.chance(0.5);
    case 2:
      return given.pick(ODD_NUMBERS);
    case 3:
      return given.pick(ODD_STRINGS);
    case 4:
      return String.fromCharCode(...Array.from({ length: given.upTo(20) }, () => given.upTo(0x10000)));
    case 5:
      return Array.from({ length: given.upTo(4) }, () => anyJson(given, depth + 1));
    default:
      return objectOf(
        Array.from({ length: given.upTo(4) }, () => [given.pick(ODD_STRINGS), anyJson(given, depth + 1)]),
      );
  }
}

/** The value with one thing in it changed: another value, a key less, one more, an array around it, a depth of it. */
export function mutateJson(given: Dice, value: unknown): unknown {
  const isContainer = typeof value === 'object' && value !== null;
  if (!isContainer || given.chance(0.15)) {
    if (given.chance(0.05)) return given.chance(0.2) ? DEEPEST : nested(given.upTo(300), value);
    return given.chance(0.1) ? [value, value] : anyJson(given);
  }
  if (Array.isArray(value)) {
    if (value.length === 0) return [anyJson(given)];
    const at = given.upTo(value.length);
    return value.map((item, index) => (index === at ? mutateJson(given, item) : item));
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || given.chance(0.15)) {
    return objectOf([...entries, [given.pick(ODD_STRINGS), anyJson(given)]]);
  }
  const at = given.upTo(entries.length);
  if (given.chance(0.25)) return objectOf(entries.filter((_, index) => index !== at));
  return objectOf(entries.map(([key, item], index) => [key, index === at ? mutateJson(given, item) : item]));
}

/** `__proto__` is a key like any other. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

function nested(levels: number, value: unknown): unknown {
  let inner = value;
  for (let level = 0; level < levels; level++) inner = level % 2 === 0 ? [inner] : { a: inner };
  return inner;
}

/** Stands for a value that is nested deeper than any stack is: a serializer could not write it. */
const DEEPEST = 'nested deeper than any stack is';
const deepest = `${'{"a":['.repeat(10_000)}1${']}'.repeat(10_000)}`;

/** As `JSON.stringify`, with what is too deep for it. */
export function writeJson(value: unknown, space: string | number = 0): string {
  return (JSON.stringify(value, null, space) ?? '').replaceAll(`"${DEEPEST}"`, deepest);
}

/** The bytes with one thing changed that no grammar would: one less, one more, another one, a part twice, an end too soon. */
export function mutateBytes(given: Dice, bytes: Buffer): Buffer {
  const at = given.upTo(bytes.length + 1);
  const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (given.upTo(6)) {
    case 0:
      return before;
    case 1:
      return Buffer.concat([before, behind.subarray(1)]);
    case 2:
      return Buffer.concat([before, Buffer.from([given.upTo(256)]), behind]);
    case 3:
      return Buffer.concat([before, Buffer.from([given.upTo(256)]), behind.subarray(1)]);
    case 4: {
      const again = behind.subarray(0, given.upTo(64));
      return Buffer.concat([before, again, behind]);
    }
    default:
      return Buffer.concat([
        before,
        Buffer.from(given.pick(['\r', '\n', '\0', '"', '{', '\\', ',', '\ufeff'])),
        behind,
      ]);
  }
}

/** The bytes in pieces, cut anywhere: in the middle of characters and of line ends as well. */
export function cutAnywhere(given: Dice, bytes: Buffer): Buffer[] {
  const style = given.upTo(4);
  if (style === 0) return [bytes];
  if (style === 1 && bytes.length < 2000) return Array.from(bytes, (byte) => Buffer.from([byte]));
  const places = Array.from({ length: 1 + given.upTo(style === 2 ? 3 : 20) }, () =>
    given.upTo(bytes.length + 1),
  );
  const cuts = [0, ...places.sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((to, index) => bytes.subarray(cuts[index], to));
}
