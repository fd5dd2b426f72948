import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const NODE_MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));

/**
 * Makes one file of a suite and all that it imports. A run starts it three hundred times, and in some hundred files it takes
 * three times as long to start.
 *
 * @param name  of its package
 * @param file  where it is put; it has to end in `.mjs`
 */
export async function makeSuiteFile(name: string, file: string): Promise<void> {
  await build({
    entryPoints: [`${NODE_MODULES}${name}/dist/index.js`],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // What is CommonJS inside asks for Node's own modules this way.
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
    plugins: [GLOB_SYNC],
    logLevel: 'error',
  });
}

/**
 * Both suites import `globSync` from "fs" (for a command that is not used here), which Node has since 22: on Node 20 they
 * would end before they start.
 */
const GLOB_SYNC: Plugin = {
  name: 'glob-sync',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^fs$/ }, ({ importer, kind }) =>
      kind === 'import-statement' && /conformance[^/]*\/dist\/index\.js$/.test(importer)
        ? { path: 'fs', namespace: 'glob-sync' }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'glob-sync' }, () => ({
      contents: `
        export * from 'node:fs';
        export { default } from 'node:fs';
        export function globSync() {
          throw new Error('fs.globSync is not supplied');
        }`,
    }));
  },
};
