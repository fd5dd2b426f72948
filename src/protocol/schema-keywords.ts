/** Keywords of JSON Schema whose value is an object of schemas, by names that are no keywords. */
export const NAMED: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
  // Of draft-07: by name a schema, or a list of names.
  'dependencies',
]);
/** Keywords whose value is data, whatever it looks like. */
export const DATA: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'examples', 'example']);
