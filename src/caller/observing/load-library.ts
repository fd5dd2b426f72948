import { createRequire } from 'node:module';

/**
 * A library that is loaded when somebody asks for what it does. With `require`: what `import` could not load once, for want of
 * a file descriptor say, it never loads again in that process.
 */
export const loadLibrary: (name: string) => unknown = createRequire(import.meta.url);
