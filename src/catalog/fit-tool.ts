import type { Profile } from '../config/profiles.ts';
import { cutText } from '../cut.ts';
import type { Listed } from '../downstream/lists/listing.ts';
import { isObject, type Params } from '../protocol/messages.ts';
import { isForAppsAlone, showsApps } from './apps.ts';
import { type Effort, effortOfTool } from './effort.ts';
import { matchesGlob } from './glob.ts';
import { findTooLong, findWrongRoot } from './judge-tool.ts';
import { shapeSchema } from './schema-rules.ts';

export type FittedTool =
  | { readonly tool: Listed; readonly changes: readonly string[] }
  /** Why it is left out, to stand after its name. */
  | { readonly fault: string };

/**
 * A tool as one kind of caller can take it. `generic` changes nothing.
 *
 * @param ofServer  what its server's tools may still take to shape
 */
export function fitTool(tool: Listed, profile: Profile, ofServer: Effort): FittedTool {
  if (isForAppsAlone(tool) && !showsApps(profile)) {
    return { fault: 'is left out: it is for apps alone, and this caller shows none.' };
  }
  const effort = effortOfTool(ofServer);
  const { left } = effort;
  const shaped = shapeSchema(tool.inputSchema as Params, profile, effort);
  ofServer.left -= left - effort.left;
  if ('fault' in shaped) return { fault: `is left out: ${shaped.fault}.` };
  const inputSchema = shaped.schema;
  if (inputSchema.type !== 'object')
    return { fault: 'is left out: its inputSchema is not of type "object".' };
  const wrong = findWrongRoot(inputSchema);
  if (wrong !== undefined) return { fault: `is left out: its ${wrong}.` };
  const fitted: Listed = { ...tool, inputSchema };
  const changes = [...shaped.changes];

  const description = describe(tool.description, shaped.note, profile.maxDescriptionChars);
  if (description !== tool.description) fitted.description = description;
  if (isCut(tool.description, profile.maxDescriptionChars)) {
    changes.push(`its description is cut to ${profile.maxDescriptionChars} characters`);
  }
  const takeOut = (field: string, why: string) => {
    if (fitted[field] === undefined) return;
    delete fitted[field];
    changes.push(`its ${field} is not sent: ${why}`);
  };
  if (!profile.outputSchema) takeOut('outputSchema', 'this caller has no use for it');
  else if (mayLoseStructure(profile)) {
    takeOut('outputSchema', 'a result that is made text or cut would break it');
  } else if (profile.plainSchemaRoot && !hasObjectRoot(tool.outputSchema)) {
    takeOut('outputSchema', 'its root is not an object');
  }
  if (!profile.icons) takeOut('icons', 'this caller shows none');
  fitMeta(fitted, profile, changes);
  const isReshaped = inputSchema !== tool.inputSchema;
  const tooLong = isReshaped ? findTooLong(fitted, 'for this caller its definition has') : undefined;
  return tooLong === undefined ? { tool: fitted, changes } : { fault: tooLong };
}

/** SDK clients throw away a result without `structuredContent` of a tool that has an outputSchema. */
const mayLoseStructure = ({ results, maxResultChars }: Profile) =>
  results === 'text' || maxResultChars !== undefined;

const hasObjectRoot = (schema: unknown) => isObject(schema) && schema.type === 'object';

const isCut = (text: unknown, maxChars: number | undefined) =>
  typeof text === 'string' && maxChars !== undefined && text.length > maxChars;

/** The note stays whole: it is what the schema no longer says. */
function describe(description: unknown, note: string | undefined, maxChars = Infinity): unknown {
  if (note === undefined)
    return typeof description === 'string' ? cutText(description, maxChars) : description;
  if (typeof description !== 'string' || description === '') return cutText(note, maxChars);
  const room = maxChars - note.length - 2;
  return room < 16 ? cutText(note, maxChars) : `${cutText(description, room)}\n\n${note}`;
}

function fitMeta(fitted: Listed, { toolMeta }: Profile, changes: string[]): void {
  if (!isObject(fitted._meta) || toolMeta.includes('*')) return;
  const entries = Object.entries(fitted._meta);
  const kept = entries.filter(([key]) => toolMeta.some((glob) => matchesGlob(glob, key)));
  if (kept.length === entries.length) return;
  changes.push(`${entries.length - kept.length} fields of its _meta are not sent`);
  if (kept.length === 0) delete fitted._meta;
  else fitted._meta = Object.fromEntries(kept);
}
