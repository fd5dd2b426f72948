import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openaiRealtime } from '../support/callers/openai.ts';
import { startNode } from '../support/child.ts';
import { refusingPort } from '../support/refusing-port.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function startDemo() {
  // Held until it starts: what was merely free may be given to another server of the run.
  const held = [await refusingPort(), await refusingPort(), await refusingPort()];
  const [PORT = '', CRM_PORT = '', BILLING_PORT = ''] = held.map(({ port }) => String(port));
  await Promise.all(held.map(({ release }) => release()));
  const token = 'token-of-the-demo-test';
  // What `npm run demo` runs; npm itself is between nobody and anything.
  const demo = startNode(['--import', 'tsx', 'examples/demo.ts'], {
    cwd: root,
    env: { PORT, CRM_PORT, BILLING_PORT, SWITCHBOARD_TOKEN: token },
  });
  return { demo, token, ports: [PORT, CRM_PORT, BILLING_PORT] };
}

test('the demo plays its conversation, serves Realtime afterwards, and stops with everything on Ctrl-C', async () => {
  const { demo, token } = await startDemo();
  await using _ended = demo;
  const [, url] = await demo.waitFor('stdout', /Serving on (\S+)\. Ctrl-C stops everything\./);

  const called = await openaiRealtime(url as string, token, {
    call: { name: 'crm_find_customer', arguments: { query: 'ada' } },
  });
  expect(called.result.content[0].text).toContain('Ada Park');
  expect(called.tools.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['crm_find_customer', 'billing__list_invoices', 'notes__search_notes']),
  );

  const { stdout } = demo;
  for (const shown of [
    'X-API-KEY: demo****',
    'X-Client-Secret: demo****',
    'Authorization: ApiKey demo****',
    '"session.update"',
  ]) {
    expect(stdout).toContain(shown);
  }
  // The one place for the bearer is the entry to paste; no downstream's secret is shown at all.
  expect(stdout.split(token)).toHaveLength(2);
  for (const secret of ['demo-crm-key', 'demo-billing-secret', 'demo-billing-key', 'demo-notes-token']) {
    expect(stdout + demo.stderr).not.toContain(secret);
  }
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);

  demo.process.kill('SIGINT');
  expect(await demo.exit).toEqual({ code: 0, signal: null });
  await expect(fetch(url as string)).rejects.toThrow();
});

test('the demo whose reader goes away stops with everything', async () => {
  const { demo, ports } = await startDemo();
  await using _ended = demo;
  await demo.waitFor('stdout', /tools\/list/);
  demo.process.stdout?.destroy();
  await demo.exit;
  for (const port of ports) await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
});
