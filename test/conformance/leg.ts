import path from 'node:path';
import { type Eras, startFixture } from './fixture/fixture.ts';
import type { Journal, JournalEntry } from './fixture/journal.ts';
import { startGateway } from './gateway-process.ts';
import { type Exchange, startRecordingProxy } from './recording-proxy.ts';
import type { Run } from './scenarios.ts';
import { type Check, runScenario, type SuiteFiles } from './suite.ts';

/** Pages of this size behind the gateway, none on the direct side: equal lists say that every page was followed. */
const GATEWAY_PAGE_SIZE = 5;
const LAST_TOOL = 'test_trigger_tool_change';

/** What one scenario did to one target. */
export interface LegRecord {
  readonly checks: readonly Check[];
  /** Why there is no result, or none that counts. */
  readonly trouble: string | undefined;
  /** As the suite saw them. */
  readonly exchanges: readonly Exchange[];
  /** As the fixture saw them. */
  readonly journal: readonly JournalEntry[];
}

/** A fixture, and what stands between it and the suite. Runs one scenario at a time. */
export interface Leg extends AsyncDisposable {
  run(run: Run, scenario: string, timeLimitMs: number): Promise<LegRecord>;
}

export async function startDirectLeg(directory: string, suites: SuiteFiles): Promise<Leg> {
  const fixture = await startFixture();
  return createLeg(directory, suites, { url: new URL(fixture.url) }, fixture.journal, [fixture]);
}

/**
 * @param main  the gateway's built file
 * @param eras  what the fixture speaks to the gateway; what the suite speaks is each scenario's matter
 */
export async function startGatewayLeg(
  main: string,
  directory: string,
  suites: SuiteFiles,
  eras: Eras,
): Promise<Leg> {
  const fixture = await startFixture({ eras, pageSize: GATEWAY_PAGE_SIZE });
  const gateway = await startGateway(main, fixture.url, path.join(directory, 'home'), LAST_TOOL);
  return createLeg(directory, suites, gateway, fixture.journal, [fixture, gateway]);
}

async function createLeg(
  directory: string,
  suites: SuiteFiles,
  target: { url: URL; token?: string; lastWords?(): string | undefined },
  journal: Journal,
  resources: readonly AsyncDisposable[],
): Promise<Leg> {
  const proxy = await startRecordingProxy(target.url, target.token);
  return {
    async run({ suite, specVersion }, scenario, timeLimitMs) {
      journal.clear();
      const output = path.join(directory, 'output');
      const result = await runScenario({
        suites,
        suite,
        specVersion,
        scenario,
        url: proxy.url,
        directory: output,
        timeLimitMs,
      });
      const exchanges = await proxy.take();
      const lastWords = target.lastWords?.();
      const trouble = lastWords === undefined ? result.trouble : `the gateway ended: ${lastWords}`;
      return { checks: result.checks, trouble, exchanges, journal: [...journal.entries] };
    },
    async [Symbol.asyncDispose]() {
      for (const resource of [proxy, ...resources.toReversed()]) await resource[Symbol.asyncDispose]();
    },
  };
}
