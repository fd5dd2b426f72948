// Module customization hooks: "fs" becomes node:fs with one more name.
const URL_OF_OURS = 'conformance:fs';

const SOURCE = `
export * from 'node:fs';
export { default } from 'node:fs';
export function globSync() {
  throw new Error('fs.globSync is not supplied on Node 20');
}
`;

export async function resolve(specifier, context, next) {
  return specifier === 'fs'
    ? { url: URL_OF_OURS, format: 'module', shortCircuit: true }
    : next(specifier, context);
}

export async function load(url, context, next) {
  return url === URL_OF_OURS ? { format: 'module', source: SOURCE, shortCircuit: true } : next(url, context);
}
