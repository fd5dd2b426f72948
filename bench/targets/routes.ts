import { type BenchDownstream, downstreams, exposedName, toolDefinitions, toolNames } from '../scene.ts';

export interface Route {
  readonly downstream: BenchDownstream;
  readonly port: number;
  /** The name the downstream knows. */
  readonly tool: string;
}

/** Exposed name → where it goes, for the two gateways that are written here. */
export function buildRoutes(ports: readonly number[]): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>();
  for (const [index, downstream] of downstreams.entries())
    for (const tool of toolNames)
      routes.set(exposedName(downstream, tool), { downstream, port: ports[index] ?? 0, tool });
  return routes;
}

/** What tools/list answers when it is known beforehand. */
export function exposedTools(): object[] {
  return downstreams.flatMap((downstream) =>
    toolDefinitions.map((tool) => ({ ...tool, name: exposedName(downstream, tool.name) })),
  );
}
