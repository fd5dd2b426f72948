import type { Downstream } from '../downstream/downstream.ts';
import type { OfferedItem } from './offer-items.ts';

/** Whose template a URI fits. */
export interface Templates {
  /**
   * Of the template that says most about it literally; of several that say as much, the first. Templates are foreign, and
   * none becomes a regular expression.
   *
   * @param maxTried  undefined where more than so many would have to be held against it
   */
  ownerOf(uri: string, maxTried?: number): Downstream | undefined;
}

interface Shape {
  readonly downstream: Downstream;
  /** What stands before the first expression, and behind the last one. */
  readonly before: string;
  readonly after: string;
  /** Its place among them all. */
  readonly place: number;
  /** The next that a URI which begins like this one may fit as well. */
  readonly shorter: Shape | undefined;
}

/** They are kept by what they begin with: a result may have tens of thousands of links, and there may be as many templates. */
export function createTemplates(offered: readonly OfferedItem[]): Templates {
  const shapes: Shape[] = [];
  const open: Shape[] = [];
  const sorted = offered
    .map(({ id, downstream }, place) => ({ downstream, ...literalParts(id), place }))
    .sort((a, b) => (a.before < b.before ? -1 : a.before > b.before ? 1 : a.place - b.place));
  for (const parts of sorted) {
    while (open.length > 0 && !parts.before.startsWith((open.at(-1) as Shape).before)) open.pop();
    const shape = { ...parts, shorter: open.at(-1) };
    open.push(shape);
    shapes.push(shape);
  }

  /** All beginnings of a URI come before it in the order, and each one is reached from the last of them. */
  function lastBefore(uri: string): Shape | undefined {
    let [low, high] = [0, shapes.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((shapes[middle] as Shape).before <= uri) low = middle + 1;
      else high = middle;
    }
    return shapes[low - 1];
  }

  return {
    ownerOf(uri, maxTried = Number.POSITIVE_INFINITY) {
      let best: Shape | undefined;
      let tried = 0;
      let begins = false;
      for (let shape = lastBefore(uri); shape !== undefined; shape = shape.shorter) {
        if (++tried > maxTried) return undefined;
        // What begins with one begins with all that this one begins with.
        begins ||= uri.startsWith(shape.before);
        const fits = begins && uri.length >= lengthOf(shape) && uri.endsWith(shape.after);
        if (fits && (best === undefined || saysMore(shape, best))) best = shape;
      }
      return best?.downstream;
    },
  };
}

const lengthOf = ({ before, after }: Shape) => before.length + after.length;

const saysMore = (one: Shape, other: Shape) =>
  lengthOf(one) > lengthOf(other) || (lengthOf(one) === lengthOf(other) && one.place < other.place);

/** What of a URI template stands outside its first and last expression. */
function literalParts(template: string): { before: string; after: string } {
  const first = template.indexOf('{');
  if (first < 0) return { before: template, after: '' };
  return { before: template.slice(0, first), after: template.slice(template.lastIndexOf('}') + 1) };
}
