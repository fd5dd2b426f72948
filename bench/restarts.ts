// What a hundred restarts under load lose: npx tsx bench/restarts.ts [times]   (after npm run build)
// A caller whose connection ends without an answer asks the ledger of the server behind: was it done, it is lost.

import { report } from './figures.ts';
import { measureRestarts } from './lifecycle/restarts.ts';
import './signals.ts';

const times = Number(process.argv[2]) || 100;
const { answered, lost, sentAgain, failed, exits } = await measureRestarts(times, 16);
const details = [
  `${times} SIGTERMs under load: ${answered} calls answered, ${sentAgain} sent to a gateway that was gone and then to the other`,
  `exit codes: ${[...exits].map(([code, count]) => `${code} ${count} times`).join(', ')}`,
  ...[...new Set(failed)].slice(0, 5),
].join('\n');
console.log(details);
report([
  { name: `answers lost over ${times} SIGTERMs`, value: lost, unit: 'calls', limit: 0 },
  { name: `calls failed over ${times} SIGTERMs`, value: failed.length, unit: 'calls', limit: 0 },
  { name: 'exits with another code than 0', value: times - (exits.get(0) ?? 0), unit: 'exits', limit: 0 },
]);
