import { expect, test } from 'vitest';
import { isOver } from '../../bench/figures.ts';
import type { Fault } from '../faults/fault.ts';
import { judgeFaults } from './results.ts';

const COMMAND = 'npx tsx bench/soak.ts';
const TITLE = 'a promise';

function judge(fault: Partial<Fault>, status: string, kept: Record<string, boolean>) {
  const faults = [{ id: 'F1', promise: 'it holds', ...fault }] as const;
  const files = [{ name: 'test/x.test.ts', assertionResults: [{ fullName: TITLE, status }] }];
  const [row] = judgeFaults([{ title: 'All', faults }], files, new Map(Object.entries(kept)))[0]?.rows ?? [];
  return [row?.outcome, row?.notHere];
}

const tested = { elsewhere: [`test/x.test.ts: ${TITLE}`] };
const measured = { command: COMMAND };

test.each([
  [
    'a command that ran and kept what it promises',
    measured,
    'passed',
    { [COMMAND]: true },
    ['passes', undefined],
  ],
  ['a command that failed', measured, 'passed', { [COMMAND]: false }, ['fails', undefined]],
  [
    'tests whose command failed',
    { ...tested, ...measured },
    'passed',
    { [COMMAND]: false },
    ['fails', undefined],
  ],
  ['a command that did not run', measured, 'passed', {}, ['not here', 'its command was not run']],
  [
    'tests whose command did not run',
    { ...tested, ...measured },
    'passed',
    {},
    ['passes', 'its command was not run'],
  ],
  ['a test that failed', tested, 'failed', {}, ['fails', undefined]],
  ['a test that was skipped', tested, 'skipped', {}, ['not here', 'its tests were skipped']],
] as const)('%s is told of as what it is', (_what, fault, status, kept, told) => {
  expect(judge(fault, status, kept)).toEqual(told);
});

test.each([
  [0, 0, false],
  [1, 0, true],
  [4, 5, false],
  [5, 5, true],
  [Number.NaN, 5, true],
  [Number.NaN, 0, true],
  [Number.NaN, undefined, false],
])('%d of a limit of %d: over is %s', (value, limit, expected) => {
  expect(isOver({ name: '', value, unit: '', ...(limit !== undefined && { limit }) })).toBe(expected);
});
