// CPU time of a process and everything it started. Linux keeps it in nanoseconds for each thread (schedstat); where
// the kernel was built without that, the process's own count in ticks of 10 ms has to do.

import { readdirSync, readFileSync } from 'node:fs';

const ticksPerSecond = 100;

/** @throws where there is no /proc */
export function cpuMs(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const task = `/proc/${pid}/task/${thread}`;
    sum += threadMs(task);
    for (const child of readFileSync(`${task}/children`, 'utf8').split(' '))
      if (child !== '') sum += cpuMs(Number(child));
  }
  return sum;
}

function threadMs(task: string): number {
  try {
    return Number(readFileSync(`${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    // utime and stime are fields 14 and 15; the second is the command in brackets, which may hold spaces.
    const stat = readFileSync(`${task}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
  }
}
