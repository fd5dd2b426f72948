import { setTimeout } from 'node:timers/promises';
import type { Metric, Registry } from 'prom-client';
import type { Downstream } from '../../downstream/downstream.ts';
import type { DownstreamStatus } from '../../downstream/status.ts';
import type { Forwarding } from '../../relay/asking.ts';
import { loadLibrary } from './load-library.ts';
import { type CallObserver, type EndedCall, VERDICTS, type Verdict, verdictOf } from './observed.ts';

/** Numbers for Prometheus. Nothing in them is a text of a downstream or a caller; servers are told by their keys. */
export interface Metrics extends CallObserver {
  readonly contentType: string;
  write(): Promise<string>;
  /** What was counted in this process. */
  readonly numbers: Numbers;
}

/** What one process has counted, to be added up in another. */
export interface Numbers {
  readonly refused: number;
  /** Before it was known where they go. */
  readonly cancelled: number;
  readonly meters: ReadonlyMap<string, MeterNumbers>;
}

type MeterNumbers = Pick<Meter, 'inFlight' | 'ended' | 'failed' | 'buckets' | 'seconds'>;

export interface MetricsOptions {
  downstreams(): readonly Downstream[];
  /** What callers are offered, those without a profile. */
  exposedTools(): number;
  /** What other processes have counted; absent where there are none. */
  others?: (() => readonly Numbers[]) | undefined;
}

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;
const STATES: readonly DownstreamStatus['state'][] = ['connecting', 'ready', 'down'];

/** What is counted of one downstream. Plain numbers: a metric of the library is 3 µs a call. */
class Meter {
  inFlight = 0;
  readonly ended = new Map<Verdict, number>(VERDICTS.map((verdict) => [verdict, 0]));
  readonly failed = new Map<string, number>();
  /** Of each bucket, those that are in no smaller one; the last are slower than all. */
  readonly buckets = new Float64Array(BUCKETS.length + 1);
  seconds = 0;

  add({ inFlight, ended, failed, buckets, seconds }: MeterNumbers): void {
    this.inFlight += inFlight;
    this.seconds += seconds;
    for (const [verdict, count] of ended) this.ended.set(verdict, (this.ended.get(verdict) ?? 0) + count);
    for (const [reason, count] of failed) this.failed.set(reason, (this.failed.get(reason) ?? 0) + count);
    buckets.forEach((count, bucket) => {
      this.buckets[bucket] = (this.buckets[bucket] ?? 0) + count;
    });
  }
}

/** Of all processes together. */
export function sumOf(all: readonly Numbers[]): Numbers {
  const meters = new Map<string, Meter>();
  for (const [key, numbers] of all.flatMap((each) => [...each.meters])) {
    const meter = meters.get(key) ?? new Meter();
    meter.add(numbers);
    meters.set(key, meter);
  }
  return {
    refused: all.reduce((sum, { refused }) => sum + refused, 0),
    cancelled: all.reduce((sum, { cancelled }) => sum + cancelled, 0),
    meters,
  };
}

/** What Prometheus expects. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function createMetrics({ downstreams, exposedTools, others }: MetricsOptions): Metrics {
  const meters = new Map<string, Meter>();
  let refused = 0;
  let cancelled = 0;
  let registered: Promise<readonly Registry[]> | undefined;
  /** What is written down. */
  let all: Numbers = { refused, cancelled, meters };

  function meterOf(key: string): Meter {
    let meter = meters.get(key);
    if (meter === undefined) {
      meter = new Meter();
      meters.set(key, meter);
    }
    return meter;
  }

  /** The library writes them down, and is loaded when somebody asks; what they say is counted here. */
  async function register(library: Library): Promise<readonly Registry[]> {
    const ours = new library.Registry();
    const add = (name: string, type: string, help: string, read: () => Value[]) =>
      ours.registerMetric({
        name,
        get: async () => ({ name, help, type, aggregator: 'sum', values: read() }),
      } as unknown as Metric);

    const each = (read: (meter: MeterNumbers, downstream: string) => Value[]) => () =>
      [...all.meters].flatMap(([downstream, meter]) => read(meter, downstream));
    const ofEach = (read: (downstream: Downstream) => Value[]) => () => downstreams().flatMap(read);

    add('mcp_switchboard_calls_total', 'counter', 'Calls that ended, by server and how.', () => [
      ...each(({ ended }, downstream) =>
        [...ended].map(([outcome, value]) => ({ labels: { downstream, outcome }, value })),
      )(),
      { labels: { downstream: '', outcome: 'refused' }, value: all.refused },
      { labels: { downstream: '', outcome: 'cancelled' }, value: all.cancelled },
    ]);
    add(
      'mcp_switchboard_call_failures_total',
      'counter',
      'Calls that no server answered, by server and reason.',
      each(({ failed }, downstream) =>
        [...failed].map(([reason, value]) => ({ labels: { downstream, reason }, value })),
      ),
    );
    const duration = 'mcp_switchboard_call_duration_seconds';
    add(
      duration,
      'histogram',
      'From a call to its answer, by server.',
      each(({ buckets, seconds }, downstream) => {
        let count = 0;
        const values: Value[] = [...buckets].map((number, index) => {
          count += number;
          const le = BUCKETS[index] ?? '+Inf';
          return { labels: { le, downstream }, value: count, metricName: `${duration}_bucket` };
        });
        values.push({ labels: { downstream }, value: seconds, metricName: `${duration}_sum` });
        values.push({ labels: { downstream }, value: count, metricName: `${duration}_count` });
        return values;
      }),
    );
    add(
      'mcp_switchboard_calls_in_flight',
      'gauge',
      'Calls that run now, by server.',
      each(({ inFlight }, downstream) => [{ labels: { downstream }, value: inFlight }]),
    );
    add(
      'mcp_switchboard_downstream_state',
      'gauge',
      '1 for the state that a server is in.',
      ofEach((downstream) => {
        const { state: now } = downstream.status();
        return STATES.map((state) => ({
          labels: { downstream: downstream.key, state },
          value: state === now ? 1 : 0,
        }));
      }),
    );
    add(
      'mcp_switchboard_downstream_items',
      'gauge',
      'What a server lists, by kind.',
      ofEach(({ key: downstream, listing }) =>
        (['tools', 'prompts', 'resources'] as const).map((kind) => ({
          labels: { downstream, kind },
          value: listing?.[kind]?.length ?? 0,
        })),
      ),
    );
    add('mcp_switchboard_exposed_tools', 'gauge', 'Tools that callers are offered.', () => [
      { labels: {}, value: exposedTools() },
    ]);
    ofProcess ??= processMetrics(library);
    return [ours, await ofProcess];
  }

  return {
    contentType: CONTENT_TYPE,
    get numbers() {
      return { refused, cancelled, meters };
    },
    async write() {
      registered ??= register(loadLibrary('prom-client') as Library);
      all = sumOf([{ refused, cancelled, meters }, ...(others?.() ?? [])]);
      return (await Promise.all((await registered).map((each) => each.metrics()))).join('\n');
    },
    onStarted({ downstream }: Forwarding) {
      meterOf(downstream.key).inFlight++;
    },
    onEnded(call: EndedCall) {
      if (call.forwarding === undefined) {
        if (verdictOf(call) === 'cancelled') cancelled++;
        else refused++;
        return;
      }
      const meter = meterOf(call.forwarding.downstream.key);
      const verdict = verdictOf(call);
      const seconds = call.ms / 1000;
      meter.inFlight--;
      meter.ended.set(verdict, (meter.ended.get(verdict) ?? 0) + 1);
      meter.seconds += seconds;
      let bucket = 0;
      while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] as number)) bucket++;
      meter.buckets[bucket] = (meter.buckets[bucket] ?? 0) + 1;
      if (call.failure === undefined) return;
      const { reason } = call.failure;
      meter.failed.set(reason, (meter.failed.get(reason) ?? 0) + 1);
    },
  };
}

type Library = typeof import('prom-client');

/** Of the process, and made once for it: what watches the event loop cannot be taken away again. */
let ofProcess: Promise<Registry> | undefined;

/** So often the library looks at the event loop; it has a number from the second time on, and absurd ones before. */
const LOOK_MS = 10;

async function processMetrics({ collectDefaultMetrics, Counter, Registry }: Library): Promise<Registry> {
  const metrics = new Registry();
  const { user, system } = process.cpuUsage();
  collectDefaultMetrics({ register: metrics, eventLoopMonitoringPrecision: LOOK_MS });
  // The library counts from here on, and this began with the process.
  for (const [name, micros] of [
    ['process_cpu_user_seconds_total', user],
    ['process_cpu_system_seconds_total', system],
    ['process_cpu_seconds_total', user + system],
  ] as const) {
    const counter = metrics.getSingleMetric(name);
    if (counter instanceof Counter) counter.inc(micros / 1e6);
  }
  for (let look = 0; look < 2; look++) await setTimeout(2 * LOOK_MS);
  return metrics;
}

interface Value {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}
