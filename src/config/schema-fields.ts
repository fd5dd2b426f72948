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

export const texts = () => z.array(text(), must('an array of strings'));

const TIME = must('a whole number of milliseconds from 100 to 86400000', 'a number');

/** How long something may take, where the default is no number. */
export const time = (description: string) =>
  z.int(TIME).min(100, TIME).max(86_400_000, TIME).optional().meta({ description });

/**
 * A whole number, whose unit and default the description tells too.
 *
 * @param rule.unit      absent for what is counted
 * @param rule.fallback  the default, or in words where it stands
 */
export function wholeNumber(rule: {
  readonly from: number;
  readonly to: number;
  readonly unit?: 'milliseconds' | 'bytes';
  readonly fallback: number | string;
  readonly description: string;
}) {
  const { from, to, unit, fallback } = rule;
  const message = must(
    `a whole number${unit === undefined ? '' : ` of ${unit}`} from ${from} to ${to}`,
    'a number',
  );
  const inUnit = unit === undefined ? 'Default' : `In ${unit}; default`;
  return z
    .int(message)
    .min(from, message)
    .max(to, message)
    .optional()
    .meta({
      description: `${rule.description} ${inUnit} ${fallback}.`,
      ...(typeof fallback === 'number' && { default: fallback }),
    });
}
