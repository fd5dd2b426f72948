import { once } from 'node:events';
import type { Command, Job, Measured, Reply, Step } from '../load/job.ts';
import type { Child } from './processes.ts';

export interface Load {
  /** Opens the callers of the next slice. */
  connect(job: Job): Promise<void>;
  /** @throws on any answer that is not the right one, and when there is none at all */
  run(): Promise<Measured>;
  /** Opens sessions, and on request a stream for each, and leaves them alone. */
  hold(job: Job, stream: boolean): Promise<void>;
  /** Ends all that are held. */
  release(): Promise<void>;
}

/** No answer takes this long, however slow the target and however many wait before it. */
const patienceMs = 60_000;

export function createLoad(generator: Child): Load {
  let asked = 0;

  async function ask(step: Step): Promise<Reply> {
    const n = ++asked;
    const signal = AbortSignal.timeout(patienceMs);
    generator.process.send({ n, ...step } satisfies Command);
    for (;;) {
      const [reply] = (await once(generator.process, 'message', { signal }).catch(() => {
        throw new Error(`No answer within ${patienceMs} ms`);
      })) as [Reply];
      // Not one that somebody has given up.
      if (reply.n !== n) continue;
      if ('failure' in reply) throw new Error(reply.failure);
      return reply;
    }
  }
  return {
    async connect(job) {
      await ask({ step: 'connect', job });
    },
    async run() {
      const reply = await ask({ step: 'run' });
      if (!('measured' in reply)) throw new Error('The load generator ran nothing');
      return reply.measured;
    },
    async hold(job, stream) {
      await ask({ step: 'hold', job, stream });
    },
    async release() {
      await ask({ step: 'release' });
    },
  };
}
