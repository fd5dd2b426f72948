import { expect, test } from 'vitest';
import { repositoryFiles, textOf } from './repository.ts';

const files = repositoryFiles();

// Each with a bracket that keeps it from finding itself.
test.each([
  // But for the word that nginx has for it, in its configuration.
  ['a server behind is a downstream, everywhere', /up[s]tream(?! \$\{key\} \{)/gi],
  [
    'no path of one machine is in a file',
    /(?<![\w.}-])\/(?:wor[k]|tm[p]|roo[t]|User[s]\/\w+|hom[e]\/(?!you\/)\w+)\//g,
  ],
  [
    'no registry is named: that is a setting of each machine',
    /registr[y]\.[\w.-]*\w|npmj[s]\.(?:org|com)|npmmirro[r]/gi,
  ],
])('%s', (_promise, word) => {
  expect(files.length).toBeGreaterThan(50);
  const found = files.flatMap((file) =>
    [...(textOf(file) ?? '').matchAll(word)].map(({ 0: text, input, index }) => {
      return `${file}:${input.slice(0, index).split('\n').length}: ${text}`;
    }),
  );
  expect(found).toEqual([]);
});
