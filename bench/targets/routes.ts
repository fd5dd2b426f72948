import {
  type BenchDownstream,
  defineTool,
  downstreamsOf,
  exposedName,
  type Scene,
  toolNames,
} from '../scene.ts';

export interface Route {
  readonly downstream: BenchDownstream;
  readonly port: number;
  /** The name the downstream knows. */
  readonly tool: string;
}

/** What a gateway that is written here is started with. */
export interface Behind {
  readonly scene: Scene;
  readonly ports: readonly number[];
}

export function readBehind(): Behind {
  return JSON.parse(process.argv[2] ?? '') as Behind;
}

/** Exposed name → where it goes. */
export function buildRoutes({ scene, ports }: Behind): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>();
  for (const [index, downstream] of downstreamsOf(scene).entries())
    for (const tool of toolNames(downstream.tools))
      routes.set(exposedName(downstream, tool), { downstream, port: ports[index] ?? 0, tool });
  return routes;
}

/** What tools/list answers when it is known beforehand. */
export function exposedTools(scene: Scene): object[] {
  return downstreamsOf(scene).flatMap((downstream) =>
    toolNames(downstream.tools).map((tool) => defineTool(exposedName(downstream, tool))),
  );
}
