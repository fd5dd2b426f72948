import type { Server } from 'node:http';
import type { Server as NetServer, Socket } from 'node:net';
import { createPlaces } from '../processes/places.ts';
import type { Processes } from '../processes/processes.ts';
import { type Entrance, listenOn, type OnError, openBackDoor, shareFrom, takeIn } from './entrance.ts';
import { type Front, type FrontOptions, type FrontRules, openFront } from './front.ts';

/** The HTTP faces of a gateway: one for each address. */
export interface Fronts {
  /** Requests whose answer has not ended. */
  readonly running: number;
  listen(address: { host: string; port: number }): Promise<Front>;
  /** For connections that another process has taken. Resolves with what takes them in. */
  join(host: string): Promise<(connection: Socket) => void>;
  apply(): void;
  /** @returns of each, how many requests were still running when the time was over */
  drain(graceMs: number, lingerMs: number): Promise<number>[];
  close(): Promise<void>;
}

interface FrontsOptions extends Omit<FrontOptions, 'host' | 'open' | 'places' | 'rules' | 'metrics'> {
  rules(): FrontRules;
  /** Calls are counted from now on. */
  measure(): FrontOptions['metrics'];
  onError: OnError;
  /** Absent where there is one alone. */
  processes?: Processes | undefined;
}

export function createFronts({ rules, measure, processes, onError, ...options }: FrontsOptions): Fronts {
  const places = processes && createPlaces(processes, options.dispatcher, options.isReady, options.limits);
  const fronts: Front[] = [];
  const backDoors: NetServer[] = [];

  async function open(host: string, entranceOf: (server: Server) => Promise<Entrance>): Promise<Front> {
    const front = await openFront({
      ...{ ...options, host, rules: rules(), places, metrics: measure() },
      async open(server) {
        if (processes !== undefined && places !== undefined) {
          const path = processes.pathOf(processes.index);
          backDoors.push(await openBackDoor(server, path, places.markHandedOver, onError));
        }
        return entranceOf(server);
      },
    });
    fronts.push(front);
    // They may have changed while it was opened.
    front.apply(rules());
    return front;
  }

  return {
    get running() {
      return fronts.reduce((sum, front) => sum + front.running, 0);
    },
    listen({ host, port }) {
      const giveAway = processes?.isFirst === true ? processes.giveAway : undefined;
      return open(host, (server) =>
        giveAway === undefined
          ? listenOn(server, host, port, onError)
          : shareFrom(server, host, port, giveAway, onError),
      );
    },
    async join(host) {
      let take = (_connection: Socket) => {};
      await open(host, async (server) => {
        const entrance = takeIn(server);
        take = entrance.take;
        return entrance;
      });
      return take;
    },
    apply() {
      for (const front of fronts) front.apply(rules());
    },
    drain: (graceMs, lingerMs) => fronts.map((front) => front.drain(graceMs, lingerMs)),
    async close() {
      await Promise.all(fronts.map((front) => front.close()));
      places?.close();
      for (const backDoor of backDoors) backDoor.close();
    },
  };
}
