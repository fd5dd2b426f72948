/**
 * What is run, and what of it the gateway is held to. Data only.
 *
 * Every scenario always runs, direct and through the gateway, before a server of both eras and before one of the legacy
 * era. One that is not held against the gateway yet says why; it is shown all the same, and as passing already when it
 * does.
 */

export type SuiteVersion = '0.1.16' | '0.2.0-alpha.12';
export type SpecVersion = '2025-11-25' | '2026-07-28';

export interface Scenario {
  /** `true`, or why the gateway is not held to it yet. */
  readonly covered: true | string;
  /** Of a covered scenario, the checks that the gateway is not held to yet, each with the reason. */
  readonly checksNotYet?: Readonly<Record<string, string>>;
  /** Tools of which the gateway refuses a call itself, with the server's code, that the server would refuse; and why. */
  readonly refusesItself?: Readonly<Record<string, string>>;
  /** Where the server behind the gateway is of the legacy era: what is other than it is direct, and why. */
  readonly beforeLegacy?: {
    readonly checks?: Readonly<Record<string, string>>;
    /** By the name of the tool, or else the method: neither that it arrived nor what came back is compared. */
    readonly calls?: Readonly<Record<string, string>>;
  };
  /** Run by the suite, but outside of its published denominators. */
  readonly unscored?: true;
  /** Leaves other lists behind than it found: the servers are not used for another scenario. */
  readonly changesLists?: true;
}

export interface Run {
  readonly suite: SuiteVersion;
  readonly specVersion: SpecVersion;
  readonly scenarios: Readonly<Record<string, Scenario>>;
}

/** Why there is nothing to resume. */
const NOT_CUT = 'the gateway never ends the stream of a call before its answer';

/** Why a modern caller meets something else where the server behind is of the legacy era. */
const UNNAMED = 'such a server gives its questions no names, and the suite answers by name';
const ONE_BY_ONE = 'such a server asks one question after the other';
const NO_CODE = 'such a server has an error of its own for a capability that it misses';
export const SLOWED =
  'a list that changes again and again is asked for ever more slowly, where it names no time for which it is fresh: of four changes within four seconds the last are told later than the suite waits';
const CALLED_AGAIN = 'answers without the state of a call are no part of one: the call is made';

const COVERED: Scenario = { covered: true };
const notYet = (reason: string): Scenario => ({ covered: reason });

const LEGACY_0_1: Readonly<Record<string, Scenario>> = {
  'server-initialize': COVERED,
  'logging-set-level': COVERED,
  ping: COVERED,
  'completion-complete': COVERED,
  'tools-list': COVERED,
  'tools-call-simple-text': COVERED,
  'tools-call-image': COVERED,
  'tools-call-audio': COVERED,
  'tools-call-embedded-resource': COVERED,
  'tools-call-mixed-content': COVERED,
  'tools-call-with-logging': COVERED,
  'tools-call-error': COVERED,
  'tools-call-with-progress': COVERED,
  'tools-call-sampling': COVERED,
  'tools-call-elicitation': COVERED,
  'json-schema-2020-12': COVERED,
  'elicitation-sep1034-defaults': COVERED,
  'server-sse-polling': notYet(NOT_CUT),
  'server-sse-multiple-streams': COVERED,
  'elicitation-sep1330-enums': COVERED,
  'resources-list': COVERED,
  'resources-read-text': COVERED,
  'resources-read-binary': COVERED,
  'resources-templates-read': COVERED,
  'resources-subscribe': COVERED,
  'resources-unsubscribe': COVERED,
  'prompts-list': COVERED,
  'prompts-get-simple': COVERED,
  'prompts-get-with-args': COVERED,
  'prompts-get-embedded-resource': COVERED,
  'prompts-get-with-image': COVERED,
  'dns-rebinding-protection': COVERED,
};

const LEGACY_0_2: Readonly<Record<string, Scenario>> = {
  ...LEGACY_0_1,
  'server-session-lifecycle': { covered: true, unscored: true },
  'json-schema-2020-12': { covered: true, unscored: true },
  'server-sse-polling': { covered: NOT_CUT, unscored: true },
};

const MODERN: Readonly<Record<string, Scenario>> = {
  'server-stateless': {
    covered: true,
    changesLists: true,
    beforeLegacy: {
      checks: {
        'sep-2575-server-rejects-undeclared-capability': NO_CODE,
        'sep-2575-missing-capability-http-400': NO_CODE,
        'sep-2575-server-sends-tools-list-changed-on-subscription': SLOWED,
        'sep-2575-server-sends-prompts-list-changed-on-subscription': SLOWED,
      },
      calls: { test_missing_capability: NO_CODE, 'subscriptions/listen': SLOWED },
    },
  },
  'completion-complete': COVERED,
  'tools-list': COVERED,
  'tools-call-simple-text': COVERED,
  'tools-call-image': COVERED,
  'tools-call-audio': COVERED,
  'tools-call-embedded-resource': COVERED,
  'tools-call-mixed-content': COVERED,
  'tools-call-error': COVERED,
  'tools-call-with-progress': COVERED,
  'server-sse-multiple-streams': COVERED,
  'resources-list': COVERED,
  'resources-read-text': COVERED,
  'resources-read-binary': COVERED,
  'resources-templates-read': COVERED,
  'sep-2164-resource-not-found': COVERED,
  'prompts-list': COVERED,
  'prompts-get-simple': COVERED,
  'prompts-get-with-args': COVERED,
  'prompts-get-embedded-resource': COVERED,
  'prompts-get-with-image': COVERED,
  'dns-rebinding-protection': COVERED,
  caching: COVERED,
  'input-required-result-basic-elicitation': {
    covered: true,
    beforeLegacy: {
      checks: {
        'sep-2322-elicitation-incomplete': UNNAMED,
        'sep-2322-elicitation-complete': UNNAMED,
      },
      calls: { test_input_required_result_elicitation: UNNAMED },
    },
  },
  'input-required-result-basic-sampling': COVERED,
  'input-required-result-basic-list-roots': COVERED,
  'input-required-result-request-state': COVERED,
  'input-required-result-multiple-input-requests': {
    covered: true,
    beforeLegacy: {
      checks: {
        'sep-2322-multiple-inputs-incomplete': ONE_BY_ONE,
        'sep-2322-multiple-inputs-complete': ONE_BY_ONE,
      },
      calls: { test_input_required_result_multiple_inputs: ONE_BY_ONE },
    },
  },
  'input-required-result-multi-round': COVERED,
  'input-required-result-missing-input-response': {
    covered: true,
    beforeLegacy: { calls: { test_input_required_result_elicitation: CALLED_AGAIN } },
  },
  'input-required-result-non-tool-request': COVERED,
  'input-required-result-result-type': COVERED,
  'input-required-result-unsupported-methods': COVERED,
  'input-required-result-tampered-state': {
    covered: true,
    refusesItself: {
      test_input_required_result_tampered_state: 'its seal is around the state, and does not open',
    },
  },
  'input-required-result-capability-check': COVERED,
  'input-required-result-ignore-extra-params': {
    covered: true,
    beforeLegacy: {
      checks: { 'sep-2322-ignore-unexpected-params': CALLED_AGAIN },
      calls: { test_input_required_result_elicitation: CALLED_AGAIN },
    },
  },
  'input-required-result-validate-input': {
    covered: true,
    beforeLegacy: { calls: { test_input_required_result_elicitation: CALLED_AGAIN } },
  },
  'json-schema-2020-12': { covered: true, unscored: true },
  'http-header-validation': { covered: true, unscored: true },
  'http-custom-header-server-validation': { covered: true, unscored: true },
};

/** The gateway as the client under test; what is judged is what it sends to the scenario's server. */
const CLIENT_LEGACY: Readonly<Record<string, Scenario>> = {
  initialize: COVERED,
  tools_call: COVERED,
  'elicitation-sep1034-client-defaults': COVERED,
  'sse-retry': COVERED,
};

const CLIENT_MODERN: Readonly<Record<string, Scenario>> = {
  tools_call: COVERED,
  'request-metadata': COVERED,
  'http-standard-headers': COVERED,
  'http-custom-headers': COVERED,
  'http-invalid-tool-headers': COVERED,
  'sep-2322-client-request-state': COVERED,
  'json-schema-ref-no-deref': COVERED,
  'json-schema-2020-12-preservation': { covered: true, unscored: true },
};

export const CLIENT_RUNS: readonly Run[] = [
  { suite: '0.1.16', specVersion: '2025-11-25', scenarios: CLIENT_LEGACY },
  {
    suite: '0.2.0-alpha.12',
    specVersion: '2025-11-25',
    scenarios: { ...CLIENT_LEGACY, 'json-schema-2020-12-preservation': { covered: true, unscored: true } },
  },
  { suite: '0.2.0-alpha.12', specVersion: '2026-07-28', scenarios: CLIENT_MODERN },
];

/** What the suite has and is not run, by the beginning of its names, and why. */
export const NOT_RUN: readonly (readonly [names: string, side: 'client' | 'server', reason: string])[] = [
  ['auth/…', 'client', 'servers behind get the headers of the file; the gateway does no OAuth with them'],
  ['sep-2640-client-…', 'client', 'skills are read and verified by the caller; nothing of them is read here'],
  ['sep-2640-skills-…', 'server', 'the fixture has no skills; a foreign extension passes as it is'],
  ['tasks-…', 'server', 'the fixture has no tasks; test/behaviour/tasks.test.ts has a server that does'],
];

export const RUNS: readonly Run[] = [
  { suite: '0.1.16', specVersion: '2025-11-25', scenarios: LEGACY_0_1 },
  { suite: '0.2.0-alpha.12', specVersion: '2025-11-25', scenarios: LEGACY_0_2 },
  { suite: '0.2.0-alpha.12', specVersion: '2026-07-28', scenarios: MODERN },
];
