import { once } from 'node:events';
import { createServer } from 'node:net';
import { DemoProblem } from './children.ts';

/**
 * The port that an environment variable names, or its fallback.
 *
 * @throws DemoProblem  when that is no port, or something listens on it already
 */
export async function freePort(variable: string, fallback: number): Promise<number> {
  const port = Number(process.env[variable] || fallback);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new DemoProblem(`${variable} is "${process.env[variable]}"; it must be a number from 1 to 65535.`);
  }
  const probe = createServer().listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${code})`;
    throw new DemoProblem(
      `Port ${port} ${why}. Choose another one with ${variable}, for example:\n\n` +
        `    ${variable}=${port + 1} npm run demo`,
    );
  }
  probe.close();
  await once(probe, 'close');
  return port;
}
