import { readFileSync } from 'node:fs';

/**
 * Resident memory of a process, now or at its highest, in MiB.
 *
 * @throws where there is no /proc
 */
export function memoryMiB(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kib] = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}
