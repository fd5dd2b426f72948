import { connect, type Socket } from 'node:net';
import { startNode } from './child.ts';

/** Passes on to a port of this machine what comes for its own. */
export interface DarkProxy extends AsyncDisposable {
  readonly port: number;
  /** From now on nothing that is sent to it is answered, not even that a connection is wanted. */
  goDark(): void;
  comeBack(): void;
}

/** A host that can be lost as behind a firewall that drops what it does not want: nobody is told. */
export async function darkProxy(target: number): Promise<DarkProxy> {
  const child = startNode(['--input-type=module', '-e', PROXY, String(target)]);
  const [, port] = await child.waitFor('stdout', /port (\d+)/);
  const sockets: Socket[] = [];
  return {
    port: Number(port),
    goDark() {
      child.process.kill('SIGSTOP');
      // Of a process that stands, the kernel takes as many connections as its backlog holds.
      for (let i = 0; i < 4; i++) sockets.push(connect(Number(port), '127.0.0.1').on('error', () => {}));
    },
    comeBack() {
      child.process.kill('SIGCONT');
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await child[Symbol.asyncDispose]();
    },
  };
}

const PROXY = `
  import { connect, createServer } from 'node:net';
  const server = createServer((near) => {
    const far = connect(Number(process.argv[1]), '127.0.0.1');
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log('port', server.address().port));
`;
