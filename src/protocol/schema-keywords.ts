/** Keywords of JSON Schema whose value is an object of schemas, by names that are no keywords. */
export const NAMED: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
]);
/** Keywords whose value is data, whatever it looks like. */
export const DATA: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'examples', 'example']);
