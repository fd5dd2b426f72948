import * as z from 'zod';
import { kindOf } from './problems.ts';

/**
 * What a field that breaks its rule is told. Every rule of the schema has one, since the messages of zod may quote
 * what they found, and that may be a secret.
 *
 * @param kind    what `kindOf` says of a right value: a value of that kind breaks the rest of the rule
 * @param remedy  for a plain value of another kind
 */
export function must(be: string, kind = be, remedy = '') {
  const error = ({ input }: { input?: unknown }) => {
    if (input === undefined) return 'is missing';
    if (kindOf(input) === kind) return `must be ${be}`;
    return `must be ${be}, is ${kindOf(input)}${typeof input === 'object' ? '' : remedy}`;
  };
  return { error };
}

export const text = () => z.string(must('a string', 'a string', '; put it in double quotes'));

export const optionalText = (description: string, examples?: readonly string[]) =>
  text()
    .optional()
    .meta({ description, ...(examples && { examples }) });

export const optionalTexts = (description: string, more: { default?: []; examples?: string[][] } = {}) =>
  z
    .array(text(), must('an array of strings'))
    .optional()
    .meta({ description, ...more });

export const yesOrNo = (description: string, fallback?: boolean) =>
  z
    .boolean(must('true or false', 'a boolean'))
    .optional()
    .meta({ description, ...(fallback !== undefined && { default: fallback }) });

interface Range {
  readonly from: number;
  readonly to: number;
  /** Absent for what is counted. */
  readonly unit?: 'milliseconds' | 'bytes' | 'characters';
}

/** A whole number. */
export function whole({ from, to, unit }: Range) {
  const what = `a whole number${unit === undefined ? '' : ` of ${unit}`}`;
  const message = must(`${what} from ${from} to ${to}`, 'a number');
  return z.int(message).min(from, message).max(to, message).optional();
}

/** Of every time that something may take. */
export const TIMES: Range = { from: 100, to: 86_400_000, unit: 'milliseconds' };

/** How long something may take, where the default is no number. */
export const time = (description: string) => whole(TIMES).meta({ description });

/**
 * A whole number, whose unit and default the description tells too.
 *
 * @param rule.fallback  the default, or in words where it stands
 */
export function wholeNumber(
  rule: Range & { readonly fallback: number | string; readonly description: string },
) {
  const { unit, fallback } = rule;
  const inUnit = unit === undefined ? 'Default' : `In ${unit}; default`;
  return whole(rule).meta({
    description: `${rule.description} ${inUnit} ${fallback}.`,
    ...(typeof fallback === 'number' && { default: fallback }),
  });
}
