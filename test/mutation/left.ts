/** Why mutants of a file may be left, looked at one by one. */
const WHY: Readonly<Record<string, string>> = {
  'src/catalog/names.ts': 'The same names come out of it, or another word in a reason.',
  'src/caller/http/token.ts':
    'How a token that is too long to be compared as it is becomes one that is not: any way of doing that gives the same answers.',
  'src/caller/allowance.ts': 'Nothing that can be seen changes.',
  'src/downstream/passage/gate.ts':
    'What saves work: filling twice, or when nobody waits, sends nothing more. The names of states that nothing is compared with.',
  'src/downstream/passage/breaker.ts':
    'The clock of the process, which the tests replace, and a question that the next line asks as well.',
  'src/downstream/passage/retry-rules.ts': 'A comparison with a time that is not there is false either way.',
  'src/downstream/http/large-result.ts':
    'What saves work: a character taken for one that is cut is looked at with the next piece. Keys longer than any that matters.',
  'src/protocol/written-answer.ts':
    'What saves work: a text that only looks like an answer is parsed, found to be none, and parsed as a whole.',
};

export const whyLeft = (file: string) => WHY[file] ?? 'Not looked at.';
