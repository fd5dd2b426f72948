import type { AuditConfig } from '../../config/config.ts';
import { ConfigError } from '../../config/config-error.ts';
import { destinationOf, type Logger, type Secrets } from '../../log.ts';
import { createAudit } from './audit.ts';
import { type AuditLines, openAuditFile } from './audit-lines.ts';
import { createMetrics, type Metrics, type MetricsOptions, type Numbers } from './metrics.ts';
import type { CallObserver, EndedCall } from './observed.ts';

interface ObserverOptions {
  readonly log: Logger;
  readonly secrets: Secrets;
  readonly audit: AuditConfig;
  /** For messages. */
  readonly configFile: string;
  /** Where lines about calls go that have no file of their own; default: where the log goes. */
  readonly lines?: AuditLines | undefined;
  /** A downstream has refused our credentials. */
  onRefused(): void;
}

const BATCH_CALLS = 128;

/** All that looks at calls: their record, the numbers, and the log where one has failed. */
export interface Observer extends CallObserver {
  /** From now on calls are counted. Who cannot read the numbers does not ask for them. */
  measure(options: MetricsOptions): Metrics;
  /** Undefined where nothing is counted. */
  readonly numbers: Numbers | undefined;
  /** Resolves when the record is written. */
  close(): Promise<void>;
}

/** @throws ConfigError  the record of calls cannot be kept where it is to be */
export function createObserver(options: ObserverOptions): Observer {
  const { log, secrets, audit, configFile, lines } = options;
  let metrics: Metrics | undefined;
  const opened = audit.file === undefined ? lines : openFile(audit.file, configFile, log);
  const write = opened?.write ?? ((lines: string) => void destinationOf(log).write(lines));
  const isHeard = audit.file !== undefined || log.isLevelEnabled('info');
  // Between lines of the log each has its place; where a person reads them, too.
  const batch = opened === undefined ? 1 : BATCH_CALLS;
  const record = isHeard ? createAudit({ write, secrets, values: audit.values, batch }) : undefined;

  return {
    onStarted: (forwarding) => metrics?.onStarted(forwarding),
    onEnded(call) {
      metrics?.onEnded(call);
      record?.onEnded(call);
      if (call.failure?.reason === 'refused') options.onRefused();
      if (call.failure !== undefined) logFailure(log, call);
    },
    measure(options) {
      metrics ??= createMetrics(options);
      return metrics;
    },
    get numbers() {
      return metrics?.numbers;
    },
    async close() {
      record?.flush();
      await opened?.close();
    },
  };
}

function openFile(file: string, configFile: string, log: Logger): AuditLines {
  try {
    return openAuditFile(file, (why) =>
      log.error(
        { event: 'audit_lost', why },
        `Lines about calls are lost: ${file} does not take them (${why})`,
      ),
    );
  } catch (error) {
    const { code } = error as { code?: string };
    throw new ConfigError(configFile, [
      { path: 'audit.file', message: `cannot be written (${code}); name a file that this user may write` },
    ]);
  }
}

function logFailure(log: Logger, { forwarding, failure, ms }: EndedCall): void {
  log.warn(
    {
      event: 'call_failed',
      downstream: failure?.downstream,
      tool: forwarding?.exposedName,
      ms: Math.round(ms),
      reason: failure?.reason,
      err: failure?.cause,
    },
    failure?.message,
  );
}
