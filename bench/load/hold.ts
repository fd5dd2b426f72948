import { once } from 'node:events';
import { type Line, openSocket } from './connection.ts';
import type { Job } from './job.ts';
import { streamRequest, withSession } from './requests.ts';
import { openCaller, openConversation } from './turns.ts';

/** Sessions that were opened and are left alone. */
export interface Hold {
  release(): void;
}

/** @param stream  each with its stream open as well */
export async function createHold(job: Job, stream: boolean): Promise<Hold> {
  const open: { close(): void }[] = [];
  // A few at a time: what they weigh is asked, not what their arrival does.
  const batch = 20;
  for (let opened = 0; opened < job.callers; opened += batch)
    await Promise.all(
      Array.from({ length: Math.min(batch, job.callers - opened) }, async () => {
        const { line, session = await openConversation(job, line) } = await openCaller(job);
        open.push(line);
        if (stream) open.push(await openStream(job, session));
      }),
    );
  return {
    release() {
      for (const one of open) one.close();
    },
  };
}

async function openStream(job: Job, session: string | undefined): Promise<Pick<Line, 'close'>> {
  const socket = await openSocket(job.target.port);
  socket.on('error', () => {});
  socket.write(withSession(streamRequest(job), session));
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.toString('latin1').startsWith('HTTP/1.1 200'))
    throw new Error(`No stream for a session: ${head.toString('latin1').slice(0, 100)}`);
  socket.resume();
  return { close: () => void socket.destroy() };
}
