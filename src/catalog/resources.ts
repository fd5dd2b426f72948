import type { Downstream } from '../downstream/downstream.ts';
import type { Listed } from '../downstream/listing.ts';
import { isObject } from '../protocol/messages.ts';
import { lets } from './glob.ts';
import { COMMON_FIELDS, findWrong, findWrongIcon, isText, type Rule } from './judge-fields.ts';
import type { CatalogNote, CatalogSource } from './offered-tool.ts';

export interface ResourceRoute {
  readonly downstream: Downstream;
  /** As its downstream knows it. */
  readonly uri: string;
}

/**
 * Whose a URI is. URIs stay as they are; only one that would lead to another downstream is exposed with its own
 * downstream's key in front, `switchboard://crm/file:///a`, and given back without it.
 */
export interface ResourceMap {
  readonly resources: readonly Listed[];
  readonly templates: readonly Listed[];
  /** Undefined where no downstream offers any. */
  readonly isOffered: boolean;
  /** False where every URI stays as it is. */
  readonly mayRewrite: boolean;
  /** @param uri  of a resource or a template, as callers know it */
  routeOf(uri: string): ResourceRoute | undefined;
  /** The URI that leads back to this downstream. */
  expose(downstream: Downstream, uri: string): string;
}

const FIELDS: readonly Rule[] = [
  ...COMMON_FIELDS,
  ['mimeType', isText, 'text'],
  ['size', (value) => typeof value === 'number', 'a number'],
  ['annotations', isObject, 'an object'],
];

/** Two kinds of one thing: they differ in which field is their URI. */
type UriField = 'uri' | 'uriTemplate';

interface Offered {
  readonly downstream: Downstream;
  readonly uri: string;
  readonly item: Listed;
}

/** The resources of all downstreams: in the order of these, by URI. One bad resource costs one resource. */
export function mapResources(sources: readonly CatalogSource[], notes: CatalogNote[]): ResourceMap {
  const offering = sources.flatMap(({ downstream, list }) =>
    list?.resources === undefined ? [] : [downstream],
  );
  const byKey = new Map(offering.map((downstream) => [encodeURIComponent(downstream.key), downstream]));
  const resources = sources.flatMap((source) => offer(source, source.list?.resources, 'uri', notes));
  const templates = sources.flatMap((source) =>
    offer(source, source.list?.resourceTemplates, 'uriTemplate', notes),
  );
  const owners = new Map<string, Downstream>();
  for (const { uri, downstream } of [...resources, ...templates]) {
    if (!owners.has(uri)) owners.set(uri, downstream);
  }
  const shapes = templates.map(({ uri, downstream }) => ({ downstream, ...literalParts(uri) }));

  function find(uri: string): ResourceRoute | undefined {
    const [first, ...others] = offering;
    if (others.length === 0) return first && { downstream: first, uri };
    // Before all else: so a marked one means the same whatever anybody lists, and what looks like one is marked itself.
    const marked = unmark(uri);
    const named = marked && byKey.get(marked.key);
    if (marked !== undefined && named !== undefined) return { downstream: named, uri: marked.uri };
    const downstream = owners.get(uri) ?? byTemplate(uri);
    return downstream && { downstream, uri };
  }

  /** The one whose template says most about it literally; templates are foreign, and none becomes a regular expression. */
  function byTemplate(uri: string): Downstream | undefined {
    let best: (typeof shapes)[number] | undefined;
    for (const shape of shapes) {
      const { before, after } = shape;
      if (uri.length < before.length + after.length || !uri.startsWith(before) || !uri.endsWith(after))
        continue;
      const isBetter =
        best === undefined || before.length + after.length > best.before.length + best.after.length;
      if (isBetter) best = shape;
    }
    return best?.downstream;
  }

  function routeOf(uri: string): ResourceRoute | undefined {
    const route = find(uri);
    const filter = route?.downstream.config.resources;
    return route === undefined || filter === undefined || lets(filter, route.uri) ? route : undefined;
  }

  function expose(downstream: Downstream, uri: string): string {
    if (!byKey.has(encodeURIComponent(downstream.key))) return uri;
    const route = find(uri);
    const leadsBack = route?.downstream === downstream && route.uri === uri;
    return leadsBack ? uri : mark(downstream.key, uri);
  }

  const exposed = (field: UriField, items: readonly Offered[]) =>
    items.map(({ downstream, uri, item }) => ({ ...item, [field]: expose(downstream, uri) }));
  return {
    resources: exposed('uri', resources),
    templates: exposed('uriTemplate', templates),
    isOffered: offering.length > 0,
    mayRewrite: offering.length > 1,
    routeOf,
    expose,
  };
}

function offer(
  { downstream }: CatalogSource,
  items: readonly Listed[] = [],
  field: UriField,
  notes: CatalogNote[],
): Offered[] {
  const { key, config } = downstream;
  const offered = new Map<string, Offered>();
  for (const [index, item] of items.entries()) {
    const uri = item[field];
    const isGiven = typeof uri === 'string' && uri !== '';
    const shown = isGiven ? uri : `#${index + 1}`;
    if (config.resources !== undefined && !lets(config.resources, shown)) continue;
    const addNote = (note: string) => void notes.push({ downstream: key, tool: `resource ${shown}`, note });
    const wrong = !isGiven
      ? `${field} is not text`
      : !isText(item.name)
        ? 'name is not text'
        : (findWrong(FIELDS, item) ?? findWrongIcon(item));
    if (wrong !== undefined) addNote(`is left out: its ${wrong}.`);
    else if (offered.has(shown)) addNote('is listed twice; the first one counts.');
    else offered.set(shown, { downstream, uri: shown, item });
  }
  return [...offered.values()].sort((a, b) => (a.uri < b.uri ? -1 : 1));
}

/** What of a URI template stands outside its first and last expression. */
function literalParts(template: string): { before: string; after: string } {
  const first = template.indexOf('{');
  if (first < 0) return { before: template, after: '' };
  return { before: template.slice(0, first), after: template.slice(template.lastIndexOf('}') + 1) };
}

/** Hosts open only what begins with `ui://` as an app. */
const MARKS: readonly (readonly [mark: string, scheme: string])[] = [
  ['ui://switchboard/', 'ui://'],
  ['switchboard://', ''],
];

function mark(key: string, uri: string): string {
  const [before, scheme] = MARKS.find(([, scheme]) => uri.startsWith(scheme)) as (typeof MARKS)[number];
  return `${before}${encodeURIComponent(key)}/${uri.slice(scheme.length)}`;
}

function unmark(uri: string): { key: string; uri: string } | undefined {
  for (const [before, scheme] of MARKS) {
    if (!uri.startsWith(before)) continue;
    const end = uri.indexOf('/', before.length);
    if (end > 0) return { key: uri.slice(before.length, end), uri: scheme + uri.slice(end + 1) };
  }
  return undefined;
}
