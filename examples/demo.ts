/**
 * `npm run demo`: three MCP servers that want different credentials, the gateway in front of them on the repository's
 * own servers.json, and one conversation through it as OpenAI Realtime holds it. Then it serves until Ctrl-C.
 */

import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { config as readDotEnv } from 'dotenv';
import { createChildren, DemoProblem } from './demo/children.ts';
import { playConversation } from './demo/conversation.ts';
import { freePort } from './demo/free-port.ts';
import { startExample, startGateway } from './demo/parts.ts';
import { heading, paint, say } from './demo/screen.ts';
import { sessionUpdate } from './demo/session-update.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
readDotEnv({ quiet: true });

const token = process.env.SWITCHBOARD_TOKEN || `demo_${randomBytes(24).toString('base64url')}`;

const children = createChildren();
const interrupted = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  // Whoever read along (`| head`) has had enough.
  process.stdout.once('error', () => resolve()).on('error', () => {});
  // `npm run` passes a SIGTERM on to its shell, and the shell to nobody: it is gone, and that is all we see.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && resolve(), 250).unref();
});

try {
  await Promise.race([demo(), interrupted, children.failed]);
  await Promise.race([interrupted, children.failed]);
  say('\nStopping.');
} catch (error) {
  console.error(error instanceof DemoProblem ? `\n${error.message}\n` : error);
  process.exitCode = 1;
}
await children.stop();
process.exit();

async function demo(): Promise<void> {
  const ports = {
    crm: await freePort('CRM_PORT', 39201),
    billing: await freePort('BILLING_PORT', 39202),
    gateway: await freePort('PORT', 8080),
  };

  say(paint('bold', 'One bearer in front, three MCP servers behind'));
  say();
  const [crm, billing] = await Promise.all([
    startExample(children, 'crm'),
    startExample(children, 'billing'),
  ]);
  say(`  crm      http://127.0.0.1:${ports.crm}/mcp   modern HTTP     examples/crm.ts`);
  say(`  billing  http://127.0.0.1:${ports.billing}/mcp   legacy HTTP     examples/billing.ts`);
  say(`  notes    started by the gateway       stdio           examples/notes.ts`);
  const gateway = await startGateway(children, { port: ports.gateway, token });
  say(`  gateway  ${gateway.url.padEnd(28)} in front        servers.json`);

  const [{ event, isPublic }] = await Promise.all([
    sessionUpdate(gateway.url, token),
    playConversation({
      url: gateway.url,
      token,
      warningOf: gateway.warningOf,
      witnesses: {
        crm,
        billing,
        // A pipe has no headers to show. The gateway hands on what its child writes to stderr.
        notes: async () => `is on a pipe; it said at its start:\n            ${gateway.stderrOf('notes')}`,
      },
    }),
  ]);

  heading('3. Send this to your Realtime session');
  say(JSON.stringify(event, null, 2));
  say();
  if (!isPublic) {
    say('OpenAI has to reach the gateway from outside, and 127.0.0.1 is only here. Open');
    say('a tunnel, add its host name to "allowedHosts" in servers.json, start again:');
    say();
    say(`    cloudflared tunnel --url http://127.0.0.1:${ports.gateway}`);
    say();
  }
  say(`Serving on ${gateway.url}. Ctrl-C stops everything.`);
}
