import { isDeepStrictEqual } from 'node:util';
import type { Profile } from '../config/profiles.ts';
import { cutText } from '../cut.ts';
import { formatBytes } from '../format-bytes.ts';
import { isObject, type Params } from '../protocol/messages.ts';

type Block = Params;
type TextBlock = Block & { text: string };
export type ResultRules = Pick<Profile, 'results' | 'maxResultChars'>;

const MAX_DETAIL_CHARS = 200;
/** So many times as long JSON may be as we write it: half a surrogate pair becomes an escape of six characters. */
const MAX_GROWTH = 6;

/**
 * The result of a call as one kind of caller can use it: as text where it reads one string, and no longer than it takes.
 * Where nothing has to change it is the same object. What a caller finds in text and in `structuredContent` never
 * differs: a cut text stands alone.
 */
export function shapeResult(result: Params, rules: ResultRules): Params {
  const shaped = rules.results === 'text' ? toText(result) : result;
  return rules.maxResultChars === undefined ? shaped : cutResult(shaped, rules.maxResultChars);
}

/** Text blocks only, at least one, and none of them empty. */
function toText(result: Params): Params {
  const { structuredContent, content: given, ...rest } = result;
  const blocks: unknown[] = Array.isArray(given) ? given : [];
  const texts = blocks.filter(saysSomething);
  const isUnchanged = structuredContent === undefined && texts.length === blocks.length && texts.length > 0;
  if (isUnchanged) return result;
  const mirrored = unsaid(structuredContent, texts);
  // Some callers show the first block of an error only: what it says comes before what came with it.
  const inOrder =
    result.isError === true
      ? [...texts, ...mirrored, ...blocks.flatMap((block) => (isTextBlock(block) ? [] : describe(block)))]
      : [
          ...blocks.flatMap((block) =>
            isTextBlock(block) ? (saysSomething(block) ? [block] : []) : describe(block),
          ),
          ...mirrored,
        ];
  if (inOrder.length === 0) {
    const nothing = result.isError === true ? 'The tool failed and did not say why.' : 'OK (no output)';
    inOrder.push(textBlock(nothing));
  }
  return { ...rest, content: inOrder };
}

/** Structured content as text, where no block tells it. To many servers `null` beside a text is none. */
export function unsaid(value: unknown, blocks: readonly unknown[]): Block[] {
  const texts = blocks.filter(saysSomething);
  const json = jsonOf(value);
  const isTold = json === '' || (value === null && texts.length > 0) || isSaid(value, json, texts);
  return isTold ? [] : [textBlock(json)];
}

const textBlock = (text: string): Block => ({ type: 'text', text });

const isTextBlock = (block: unknown): block is TextBlock =>
  isObject(block) && block.type === 'text' && typeof block.text === 'string';

const saysSomething = (block: unknown): block is TextBlock => isTextBlock(block) && block.text.trim() !== '';

const jsonOf = (value: unknown) => (value === undefined ? '' : JSON.stringify(value));

/**
 * Whether one of these texts is the value, however it is written, or they are its parts. There may be thousands of texts:
 * those too short to be it are not held against it, so all together cost no more than they are long.
 *
 * @param json  the value as we write it
 */
function isSaid(value: unknown, json: string, texts: readonly TextBlock[]): boolean {
  const isOne = texts.some(
    ({ text }) => text === json || (text.length * MAX_GROWTH >= json.length && parsesTo(text, value)),
  );
  return isOne || areParts(texts, value);
}

/** The SDK for Python wraps what is no object, and tells a list item by item; a text as it is. */
function areParts(texts: readonly TextBlock[], value: unknown): boolean {
  const isWrapped = isObject(value) && value.result !== undefined && Object.keys(value).length === 1;
  const bare = isWrapped ? value.result : value;
  const parts: unknown[] = Array.isArray(bare) ? bare : [bare];
  if (parts.length === 0 || parts.length !== texts.length) return false;
  return texts.every(({ text }, index) => text === parts[index] || parsesTo(text, parts[index]));
}

function parsesTo(text: string, value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(text), value);
  } catch {
    return false;
  }
}

/** What stands in for a block that is no text. */
function describe(block: unknown): Block[] {
  if (!isObject(block)) return [];
  const { type, data, mimeType, resource } = block;
  if (type === 'image' || type === 'audio') {
    return [
      textBlock(`[${[type, detail(mimeType), sizeOf(data)].filter(Boolean).join(', ')}: not shown here]`),
    ];
  }
  if (type === 'resource_link') {
    const facts = [block.title ?? block.name, block.uri, block.description].map(detail);
    return [textBlock(`[link: ${facts.filter(Boolean).join(', ')}]`)];
  }
  if (type === 'resource' && isObject(resource)) {
    const uri = detail(resource.uri);
    if (typeof resource.text === 'string') return [textBlock(`[resource ${uri}]\n${resource.text}`)];
    const facts = [`resource ${uri}`, detail(resource.mimeType), sizeOf(resource.blob)];
    return [textBlock(`[${facts.filter(Boolean).join(', ')}: not shown here]`)];
  }
  return [textBlock(`[content of type ${detail(type) || 'unknown'}: not shown here]`)];
}

const detail = (value: unknown) =>
  typeof value === 'string' ? cutText(value.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' '), MAX_DETAIL_CHARS) : '';

const sizeOf = (base64: unknown) =>
  typeof base64 === 'string' ? formatBytes(Buffer.byteLength(base64, 'base64')) : '';

/** Cuts all text of a result to so many characters together, what is said about the rest included. */
function cutResult(result: Params, maxChars: number): Params {
  const { structuredContent, ...rest } = result;
  const json = jsonOf(structuredContent);
  const given: unknown[] = Array.isArray(result.content) ? result.content : [];
  if (lengthOf(given) > maxChars) return { ...rest, content: cutBlocks(given, maxChars) };
  if (json.length <= maxChars) return result;
  // All that it says is too long: as much of it as there is room for, as text.
  const isMirrored = isSaid(structuredContent, json, given.filter(isTextBlock));
  const content = isMirrored ? given : cutBlocks([...given, textBlock(json)], maxChars);
  return { ...rest, content };
}

/** Those whose text is longer together; the others, such as images, all stay. */
function cutBlocks(blocks: readonly unknown[], maxChars: number): unknown[] {
  const total = lengthOf(blocks);
  const markerRoom = markerOf(total, total).length;
  let room = maxChars;
  let isOver = false;
  return blocks.flatMap((block): unknown[] => {
    const text = textOf(block);
    if (text === '') return [block];
    if (isOver) return [];
    if (text.length <= room - markerRoom) {
      room -= text.length;
      return [block];
    }
    isOver = true;
    const kept = text.slice(0, Math.max(0, room - markerRoom));
    const whole = kept.isWellFormed() ? kept : kept.replace(/[\ud800-\udbff]$/, '');
    const missing = total - (maxChars - room) - whole.length;
    return [withText(block as Block, whole + markerOf(missing, total))];
  });
}

const lengthOf = (blocks: readonly unknown[]) =>
  blocks.reduce<number>((sum, block) => sum + textOf(block).length, 0);

const textOf = (block: unknown): string => {
  if (isTextBlock(block)) return block.text;
  const resource = isObject(block) && block.type === 'resource' ? block.resource : undefined;
  return isObject(resource) && typeof resource.text === 'string' ? resource.text : '';
};

const withText = (block: Block, text: string): Block =>
  isTextBlock(block) ? { ...block, text } : { ...block, resource: { ...(block.resource as Params), text } };

const markerOf = (missing: number, total: number) =>
  `\n[cut here: ${missing} of ${total} characters are missing; ask for less at a time]`;
