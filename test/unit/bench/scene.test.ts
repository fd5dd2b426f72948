import { expect, test } from 'vitest';
import { downstreamAt, downstreamsOf, standard, toolNames } from '../../../bench/scene.ts';

test('the path of a downstream says all that there is to it', () => {
  for (const scene of [standard, { downstreams: 50, toolsEach: 10, eras: 'legacy', slowMs: 500 } as const])
    for (const downstream of downstreamsOf(scene)) expect(downstreamAt(downstream.path)).toEqual(downstream);
  expect(downstreamAt('/mcp')).toBeUndefined();
});

test('half of the usual downstreams are modern, and the slow one is the last', () => {
  expect(downstreamsOf(standard).filter(({ era }) => era === 'modern')).toHaveLength(5);
  const slow = downstreamsOf({ ...standard, slowMs: 7 }).map(({ slowMs }) => slowMs);
  expect(slow).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
});

test('no two tools of a downstream have one name', () => {
  expect(new Set(toolNames(500)).size).toBe(500);
});
