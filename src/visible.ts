/*
 * Characters that a person does not see and a model or a terminal obeys: Unicode tags, direction marks, zero-width ones,
 * control characters. Where text is meant to have them, inside of emoji and in scripts that are spelled with them, they
 * stay.
 */

/** Default_Ignorable_Code_Point is all of Unicode that is not drawn; annotation marks and controls are not in it. */
const HIDDEN = /[^\P{Cc}\t\n]|[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/u;
const EACH_HIDDEN = new RegExp(HIDDEN, 'gu');

/** What a hidden character may stand behind, and where nothing is hidden by it. */
const BELONGS: readonly (readonly [hidden: RegExp, before: RegExp, after?: RegExp])[] = [
  // A family: three people, joined.
  [
    /\u200d/u,
    /\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\ufe0f)?$/u,
    /^[\p{Extended_Pictographic}\p{Emoji_Modifier}]/u,
  ],
  // Persian, Hindi and others are spelled with them.
  [
    /[\u200c\u200d]/u,
    /[\p{scx=Arab}\p{scx=Syrc}\p{scx=Deva}\p{scx=Beng}\p{scx=Guru}\p{scx=Gujr}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}][\p{Mn}\p{Mc}]?$/u,
    /^[\p{L}\p{M}\s]/u,
  ],
  // Text or picture; what follows another selector is no emoji's.
  [/[\ufe0e\ufe0f]/u, /\p{Emoji}$/u],
  [/[\ufe00-\ufe0d\u{e0100}-\u{e01ef}]/u, /\p{Ideographic}$/u],
  [/[\u180b-\u180f]/u, /\p{Script=Mongolian}$/u],
];

/** The longest thing that a hidden character is looked at together with, in UTF-16 units. */
const CONTEXT = 6;

function replaceHidden(text: string, replacement: (hidden: string) => string): string {
  return text.replace(EACH_HIDDEN, (hidden, offset: number) => {
    const before = text.slice(Math.max(0, offset - CONTEXT), offset);
    const after = text.slice(offset + hidden.length, offset + hidden.length + CONTEXT);
    const belongs = BELONGS.some(
      ([which, behind, ahead]) => which.test(hidden) && behind.test(before) && (ahead?.test(after) ?? true),
    );
    return belongs ? hidden : replacement(hidden);
  });
}

const [ESC, CSI, OSC, BEL, ST] = ['\u001b', '\u009b', '\u009d', '\u0007', '\u009c'];
/**
 * What moves a terminal's cursor, colours or names it (ECMA-48). Behind each ESC there is one way to read on, and none
 * beyond the next: the one that Node 20 has goes over a long text again for each of its characters.
 */
const SEQUENCE = new RegExp(
  [
    `(?:${ESC}\\]|${OSC})[^${BEL}${ESC}${ST}${OSC}]*(?:${BEL}|${ESC}\\\\|${ST})`,
    `(?:${ESC}\\[|${CSI})[0-?]*[ -/]*[@-~]`,
    `${ESC}[ -/]*[0-Z\\\\^-~]`,
  ].join('|'),
  'g',
);

/** The text without terminal sequences. */
export function withoutSequences(text: string): string {
  return text.replace(SEQUENCE, '');
}

/** The text without them, and without terminal sequences; tabs and line feeds stay. */
export function withoutHidden(text: string): string {
  return HIDDEN.test(text) ? replaceHidden(withoutSequences(text), () => '') : text;
}

/** The text with each of them as `\u{202e}`: for people. */
export function escapeHidden(text: string): string {
  if (!HIDDEN.test(text)) return text;
  return replaceHidden(text, (hidden) => `\\u{${hidden.codePointAt(0)?.toString(16)}}`);
}

/** The same on one line: tabs and line breaks are spaces in it. */
export function escapeHiddenLine(text: string): string {
  return escapeHidden(text.replaceAll(/\r?\n|[\t\u2028\u2029]/g, ' '));
}

/** JSON that says the same, and has none of them: what shows it to people shows none either. */
export function escapeHiddenJson(json: string): string {
  if (!HIDDEN.test(json)) return json;
  return replaceHidden(json, (hidden) => unitsOf(hidden).join(''));
}

/** A line of JSON that has them as text: whoever parses it and prints what it says prints none either. */
export function disarmJson(line: string): string {
  const shown = HIDDEN.test(line)
    ? replaceHidden(line, (hidden) =>
        unitsOf(hidden)
          .map((unit) => `\\${unit}`)
          .join(''),
      )
    : line;
  if (!ESCAPED_CONTROL.test(shown)) return shown;
  return shown.replace(EACH_ESCAPE, (found, control) => (control === undefined ? found : `\\${found}`));
}

const ESCAPED_CONTROL = /\\(?:u00|[bfr])/;
/** One escape of JSON after the other, since a backslash may be one itself. */
const EACH_ESCAPE = /\\(?:(u00(?:0[0-8b-f]|1[0-9a-f]|7f|[89][0-9a-f])|[bfr])|.)/g;

const unitsOf = (hidden: string) =>
  Array.from(
    { length: hidden.length },
    (_, index) => `\\u${hidden.charCodeAt(index).toString(16).padStart(4, '0')}`,
  );
