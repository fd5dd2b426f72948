import type { NameFilter } from '../config/config.ts';
import type { Downstream } from '../downstream/downstream.ts';
import type { Listed } from '../downstream/lists/listing.ts';
import { isObject } from '../protocol/messages.ts';
import { lets, matchesGlob } from './glob.ts';
import { COMMON_FIELDS, findWrong, findWrongIcon, isText, type Rule } from './judge-fields.ts';
import { noteIdle, type OfferedItem, offerItems } from './offer-items.ts';
import type { CatalogNote, CatalogSource } from './offered-tool.ts';
import { mendAnnotations } from './resource-annotations.ts';
import { createTemplates } from './templates.ts';

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
  /** Some downstream has resources, even if it lists none. */
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
  // 1e999 is read as Infinity, and written as null.
  ['size', (value) => Number.isFinite(value), 'a number'],
  ['annotations', isObject, 'an object'],
];

/** Templates that one link is held against. Where there are more, it is marked: that leads back whatever they say. */
const MAX_TRIED = 32;

/** The field that a resource, and a template, has its URI in. */
type UriField = 'uri' | 'uriTemplate';

/**
 * The resources of all downstreams: in the order of these, by URI. One bad resource costs one resource.
 *
 * @param known  those that a mark may name, whether or not they have a part here
 */
export function mapResources(
  sources: readonly CatalogSource[],
  notes: CatalogNote[],
  known: readonly CatalogSource[] = sources,
): ResourceMap {
  const offering = sources.flatMap(({ downstream, list }) =>
    list?.resources === undefined ? [] : [downstream],
  );
  const offers = new Set(offering);
  const byKey = new Map(known.map(({ downstream }) => [encodeURIComponent(downstream.key), downstream]));
  const offer = (field: UriField, downstream: Downstream, items: readonly Listed[] | undefined) => {
    const kind = { noun: 'resource', idField: field, filter: downstream.config.resources, wrongIn };
    return offerItems(downstream, items, kind, notes).map((offered) => {
      const tool = `resource ${offered.id}`;
      const addNote = (note: string) => void notes.push({ downstream: downstream.key, tool, note });
      return { ...offered, item: mendAnnotations(offered.item, addNote) };
    });
  };
  const resources = sources.flatMap(({ downstream, list }) => offer('uri', downstream, list?.resources));
  const templates = sources.flatMap(({ downstream, list }) =>
    offer('uriTemplate', downstream, list?.resourceTemplates),
  );
  for (const { downstream, list } of sources) {
    // With templates there are resources that no list names.
    if (list === undefined || (list.resourceTemplates ?? []).length > 0) continue;
    noteIdle(downstream, 'resources', list.resources, 'uri', notes);
  }
  const owners = new Map<string, Downstream>();
  for (const { id, downstream } of [...resources, ...templates]) {
    if (!owners.has(id)) owners.set(id, downstream);
  }
  const fitted = createTemplates(templates);

  function find(uri: string, maxTried?: number): ResourceRoute | undefined {
    const only = offering.length === 1 ? offering[0] : undefined;
    // Behind one server nothing is marked: one that is a gateway as well lists what looks like it as it is.
    if (only !== undefined && owners.has(uri)) return { downstream: only, uri };
    // Before all else: so a marked one means the same whatever anybody lists, and what looks like one is marked itself.
    const marked = unmark(uri);
    const named = marked && byKey.get(marked.key);
    if (marked !== undefined && named !== undefined)
      return offers.has(named) ? { downstream: named, uri: marked.uri } : undefined;
    if (only !== undefined) return { downstream: only, uri };
    const downstream = owners.get(uri) ?? fitted.ownerOf(uri, maxTried);
    return downstream && { downstream, uri };
  }

  function routeOf(uri: string): ResourceRoute | undefined {
    const route = find(uri);
    const filter = route?.downstream.config.resources;
    if (route === undefined || filter === undefined) return route;
    const { downstream, uri: own } = route;
    const isPlain = owners.get(own) === downstream || !isDisguised(filter, own);
    return isPlain && lets(filter, own) ? route : undefined;
  }

  function expose(downstream: Downstream, uri: string): string {
    if (!offers.has(downstream)) return uri;
    const route = find(uri, MAX_TRIED);
    const leadsBack = route?.downstream === downstream && route.uri === uri;
    return leadsBack ? uri : mark(downstream.key, uri);
  }

  const exposed = (field: UriField, items: readonly OfferedItem[]) =>
    items.map(({ downstream, id, item }) => ({ ...item, [field]: expose(downstream, id) }));
  return {
    resources: exposed('uri', resources),
    templates: exposed('uriTemplate', templates),
    isOffered: offering.length > 0,
    mayRewrite: offering.length > 1,
    routeOf,
    expose,
  };
}

/** A step to where the one before leads from, or to nowhere. */
const DOTS = /[/\\]\.{1,2}(?:[/\\?#]|$)/;

/** Whether a URI that its list does not have may be another one to its server: `public/%2e%2e/secret` is `secret` to many. */
function isDisguised({ exclude }: NameFilter, uri: string): boolean {
  const plain = decoded(uri);
  return DOTS.test(plain) || exclude.some((glob) => matchesGlob(glob, plain));
}

function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}

function wrongIn(item: Listed): string | undefined {
  return isText(item.name) ? (findWrong(FIELDS, item) ?? findWrongIcon(item)) : 'name is not text';
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
