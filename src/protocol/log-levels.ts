/** Of `notifications/message`, the least urgent first (RFC 5424). */
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;
export type LogLevel = (typeof LEVELS)[number];

export function isLogLevel(value: unknown): value is LogLevel {
  return LEVELS.some((level) => level === value);
}

/** Whether a message is as urgent as what was asked for. One that names no known level is not. */
export function isAtLeast(level: unknown, asked: LogLevel): boolean {
  return isLogLevel(level) && LEVELS.indexOf(level) >= LEVELS.indexOf(asked);
}
