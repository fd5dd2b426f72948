import {
  ListResourcesResultSchema,
  ListResourceTemplatesResultSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import { merge } from '../../src/catalog/merge.ts';
import type { Listed } from '../../src/downstream/lists/listing.ts';
import { sourceOf } from '../support/catalog.ts';

const resource = (annotations: object): Listed => ({ uri: 'file:///bad', name: 'bad', annotations });

/** Each of them makes an SDK client throw the whole list away. */
const REJECTED_BY_CLIENTS: readonly (readonly [string, Listed])[] = [
  ['an audience of its own', resource({ audience: ['everyone'] })],
  ['an audience that is text', resource({ audience: 'user' })],
  ['a priority above 1', resource({ priority: 5 })],
  ['a priority that is text', resource({ priority: 'high' })],
  ['a time without its zone', resource({ lastModified: '2025-01-12T15:00:58' })],
  ['a day without a time', resource({ lastModified: '2025-01-12' })],
  ['a day that no month has', resource({ lastModified: '2025-02-30T15:00:58Z' })],
  ['an hour that no day has', resource({ lastModified: '2025-01-12T24:00:00Z' })],
  ['a time that is a number', resource({ lastModified: 1736694058 })],
];

const GOOD: Listed = {
  uri: 'file:///good',
  name: 'good',
  annotations: { audience: ['user'], priority: 1, lastModified: '2024-02-29T15:00:58.123+01:00', own: 1 },
};

test.each(REJECTED_BY_CLIENTS)('%s costs that annotation, and no resource', (_what, bad) => {
  const { list, ...source } = sourceOf([]);
  const template = { ...bad, uriTemplate: 'file:///{id}' };
  const resources = [GOOD, bad];
  const { generic, notes } = merge([
    { ...source, list: { ...list, resources, resourceTemplates: [template] } },
  ]);
  const read = (method: string) => JSON.parse(`${generic.lists.get(method)?.legacy}`);

  const listed = read('resources/list');
  expect(ListResourcesResultSchema.parse(listed).resources).toHaveLength(2);
  expect(listed.resources).toContainEqual(GOOD);
  expect(listed.resources).toContainEqual({ ...bad, annotations: {} });
  const templates = ListResourceTemplatesResultSchema.parse(read('resources/templates/list'));
  expect(templates.resourceTemplates).toHaveLength(1);
  const [field] = Object.keys(bad.annotations as object);
  expect(notes.map(({ tool, note }) => `${tool} ${note}`)).toEqual(
    ['file:///bad', 'file:///{id}'].map((id) =>
      expect.stringContaining(
        `resource ${id} is listed without one of its annotations: its annotations.${field} is not `,
      ),
    ),
  );
});

test.each(REJECTED_BY_CLIENTS)('a client would throw a list away for %s', (_what, bad) => {
  expect(ListResourcesResultSchema.safeParse({ resources: [bad] }).success).toBe(false);
});

test('a size that no number can hold costs one resource, and no list', () => {
  const { list, ...source } = sourceOf([]);
  const resources = [GOOD, { ...JSON.parse('{"size":1e999}'), uri: 'file:///bad', name: 'bad' }];
  const { generic } = merge([{ ...source, list: { ...list, resources } }]);
  const listed = JSON.parse(`${generic.lists.get('resources/list')?.legacy}`);
  expect(ListResourcesResultSchema.parse(listed).resources.map(({ name }) => name)).toEqual(['good']);
});
