import type { View } from '../catalog/view.ts';
import type { Downstream } from '../downstream/downstream.ts';
import { asksForInput, missingCapability, unknownTask } from '../errors.ts';
import { type Extensions, TASKS } from '../protocol/extensions.ts';
import { isObject, type Params } from '../protocol/messages.ts';
import { type Asking, type Forwarding, outgoingOf, textOf, timed, toolResultShape } from './asking.ts';
import { Dialogue, type Rounds } from './dialogue.ts';
import type { Seal } from './seal.ts';

/*
 * The Tasks extension: instead of a result, the id of a task that is asked for later. Callers know a task under an id of
 * ours, which says itself whose it is: sealed, so that who holds it was given it here, and nothing has to be kept.
 */

export const TASK_METHODS = ['tasks/get', 'tasks/update', 'tasks/cancel'] as const;
type TaskMethod = (typeof TASK_METHODS)[number];

/** Tasks may live long; how long, their servers say. */
export const TASK_TTL_MS = 30 * 24 * 3600_000;
const ABOUT = 'task';

/** A task as its server knows it. */
export interface KnownTask {
  readonly downstream: Downstream;
  readonly taskId: string;
}

/** The result that a task was made, with the id that callers know it by; undefined where that is no answer here. */
export function exposeTask(
  result: Params,
  downstream: Downstream,
  extensions: Extensions | undefined,
  { era, rounds }: Asking,
): Params | undefined {
  const { taskId } = result;
  const isAnswer = result.resultType === 'task' && typeof taskId === 'string' && era === 'modern';
  if (!isAnswer || extensions?.[TASKS] === undefined || rounds === undefined) return undefined;
  return { ...result, taskId: rounds.tasks.seal(JSON.stringify([downstream.key, taskId]), ABOUT) };
}

/** Undefined for what was not given here, or belongs to a server that this caller does not meet. */
export function findTask(exposedId: unknown, view: View, tasks: Seal): KnownTask | undefined {
  const opened = typeof exposedId === 'string' ? tasks.open(exposedId, ABOUT) : undefined;
  if (opened === undefined) return undefined;
  const [key, taskId] = JSON.parse(opened) as [string, string];
  const downstream = view.downstreams.get(key);
  return downstream && { downstream, taskId };
}

/** @throws ProtocolError -32021 the caller has not said that it knows tasks */
export function insistOnTasks(extensions: Extensions | undefined): void {
  if (extensions?.[TASKS] === undefined) throw missingCapability({ extensions: { [TASKS]: {} } });
}

/** @throws ProtocolError -32602 no such task; -32021 the caller has not said that it knows tasks */
export function forwardTask(method: TaskMethod, params: Params, asking: Asking): Forwarding {
  insistOnTasks(asking.extensions);
  const { view, rounds } = asking;
  const exposedId = textOf(params, 'taskId', 'the id of a task');
  const task = rounds && findTask(exposedId, view, rounds.tasks);
  if (task === undefined) throw unknownTask(exposedId);
  const { downstream, taskId } = task;
  const { outgoing, extensions } = outgoingOf(params, downstream, asking);
  const { inputResponses } = params;
  const shape =
    method === 'tasks/get' ? (found: Params) => exposeState(found, exposedId, downstream, asking) : undefined;
  return {
    method,
    downstream,
    exposedName: method,
    timing: timed(downstream, view),
    repeatability: method === 'tasks/get' ? 'reads' : 'once',
    params: { ...outgoing, taskId, ...(inputResponses !== undefined && { inputResponses }) },
    extensions,
    capabilities: asking.capabilities,
    shape,
    // Some servers mark a state like the result that begins a task: the examples of the extension have done so.
    otherwise: (found) =>
      found.resultType === 'task' ? shape?.({ ...found, resultType: 'complete' }) : undefined,
  };
}

/**
 * The state of a task as its caller is to see it: its result shaped like any other, and what it asks in the form and with
 * the limits of any question.
 *
 * @throws ProtocolError -32021 it asks what the caller cannot be asked; DownstreamFailure it asks in no form at all
 */
export function exposeState(
  state: Params,
  exposedId: string,
  downstream: Downstream,
  asking: StateAsking,
): Params {
  const { result, inputRequests } = state;
  const shape = toolResultShape(asking.view, downstream);
  return {
    ...state,
    taskId: exposedId,
    ...(isObject(result) && shape !== undefined && { result: shape(result) }),
    ...(inputRequests !== undefined && { inputRequests: exposeQuestions(inputRequests, downstream, asking) }),
  };
}

type StateAsking = Pick<Asking, 'view' | 'capabilities'> & { readonly rounds?: Rounds };

function exposeQuestions(inputRequests: unknown, { key }: Downstream, asking: StateAsking): Params {
  const { view, capabilities, rounds } = asking;
  if (!isObject(inputRequests) || rounds === undefined) throw asksForInput(key);
  const round = {
    era: 'modern' as const,
    method: 'tasks/get',
    params: {},
    downstream: key,
    showsOrigin: view.showsOrigin,
    capabilities,
  };
  const dialogue = new Dialogue(round, rounds);
  return Object.fromEntries(
    Object.entries(inputRequests).map(([name, question]) => [name, dialogue.expose(question)]),
  );
}
