// What a thousand changes of the configuration under load lose and leave behind: npx tsx bench/reloads.ts [times]

import { report } from './figures.ts';
import { measureReloads } from './lifecycle/reloads.ts';

const times = Number(process.argv[2]) || 1000;
const startedAt = performance.now();
const { answered, lost, failed, before, after } = await measureReloads(times, 8);
const seconds = (performance.now() - startedAt) / 1000;
const grown = Math.max(0, Math.round((after.heapBytes - before.heapBytes) / 1024));
const details = [
  `${times} reloads under load in ${seconds.toFixed(0)} s: ${answered} calls answered`,
  `heap ${(before.heapBytes / 1e6).toFixed(1)} -> ${(after.heapBytes / 1e6).toFixed(1)} MB, handles ${before.handles} -> ${after.handles}`,
  ...[...new Set(failed)].slice(0, 5),
].join('\n');
console.log(details);
report([
  { name: `calls lost over ${times} reloads`, value: lost + failed.length, unit: 'calls', limit: 0 },
  { name: `heap grown over ${times} reloads`, value: grown, unit: 'KiB', limit: 4096 },
  {
    name: 'handles left over',
    value: Math.max(0, after.handles - before.handles),
    unit: 'handles',
    limit: 4,
  },
]);
