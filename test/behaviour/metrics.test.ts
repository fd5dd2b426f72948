import { expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';
import { refusingPort } from '../support/refusing-port.ts';

const read = async (gateway: RunningGateway) => {
  const reply = await gateway.send('/metrics', {
    method: 'GET',
    headers: { authorization: `Bearer ${gateway.token}` },
  });
  const samples = reply.text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return {
    ...reply,
    samples: new Map(
      samples.map((line) => [
        line.slice(0, line.lastIndexOf(' ')),
        Number(line.slice(line.lastIndexOf(' ') + 1)),
      ]),
    ),
  };
};

test('/metrics tells of calls, servers and the process, to who has the token', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using dead = await refusingPort();
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry(), 'de"ad\\': { url: `http://127.0.0.1:${dead.port}/mcp` } },
  });
  expect((await gateway.send('/metrics', { method: 'GET' })).status).toBe(401);
  const call = (name: string, args: object) =>
    gateway.post(...modernRequest('tools/call', { name, arguments: args }));
  await call('crm__echo', { text: 'a' });
  await call('crm__echo', { text: 'b' });
  await call('crm__fail', {});
  await call('canary_name', {});
  const client = await gateway.connect({ era: 'modern' });
  const abort = new AbortController();
  const slow = client.callTool({ name: 'crm__slow', arguments: { ms: 60_000 } }, { signal: abort.signal });
  await expect.poll(() => crm.calls.length).toBe(4);

  const { user, system } = process.cpuUsage();
  const { headers, text, samples } = await read(gateway);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  const label = 'downstream="crm"';
  expect(samples.get(`mcp_switchboard_calls_total{${label},outcome="ok"}`)).toBe(2);
  expect(samples.get(`mcp_switchboard_calls_total{${label},outcome="tool_error"}`)).toBe(1);
  expect(samples.get('mcp_switchboard_calls_total{downstream="",outcome="refused"}')).toBe(1);
  expect(samples.get(`mcp_switchboard_calls_in_flight{${label}}`)).toBe(1);
  expect(samples.get(`mcp_switchboard_call_duration_seconds_count{${label}}`)).toBe(3);
  expect(samples.get(`mcp_switchboard_call_duration_seconds_bucket{le="+Inf",${label}}`)).toBe(3);
  expect(samples.get(`mcp_switchboard_call_duration_seconds_sum{${label}}`)).toBeGreaterThan(0);
  expect(samples.get(`mcp_switchboard_downstream_state{${label},state="ready"}`)).toBe(1);
  expect(samples.get('mcp_switchboard_downstream_state{downstream="de\\"ad\\\\",state="down"}')).toBe(1);
  expect(samples.get(`mcp_switchboard_downstream_items{${label},kind="tools"}`)).toBe(5);
  expect(samples.get('mcp_switchboard_exposed_tools')).toBe(5);
  // The first who asks hears of the time before, and of an event loop that was looked at.
  expect(samples.get('process_cpu_seconds_total')).toBeGreaterThanOrEqual((user + system) / 1e6);
  for (const what of ['min', 'mean', 'p99']) {
    const seconds = samples.get(`nodejs_eventloop_lag_${what}_seconds`);
    expect(seconds).toBeGreaterThan(0.001);
    expect(seconds).toBeLessThan(600);
  }
  // Names of tools, callers and errors come from outside.
  expect(text).not.toContain('canary');
  expect(text).not.toContain('echo');
  // Of each name its help and type once.
  const helps = text.split('\n').filter((line) => line.startsWith('# HELP'));
  expect(new Set(helps.map((line) => line.split(' ')[2])).size).toBe(helps.length);

  abort.abort();
  await expect(slow).rejects.toThrow();
  const cancelled = `mcp_switchboard_calls_total{${label},outcome="cancelled"}`;
  await expect.poll(async () => (await read(gateway)).samples.get(cancelled)).toBe(1);
});

test('a call that no server answered is counted with its reason, and none is counted as running after its end', async () => {
  await using crm = await plainServer({
    era: 'modern',
    answers: { 'tools/call echo': (given) => given.res.destroy() },
  });
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry({ tools: { overrides: { slow: { callTimeoutMs: 500 } } } }) },
  });
  await gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: {} }));
  await gateway.post(...modernRequest('tools/call', { name: 'crm__slow', arguments: { ms: 60_000 } }));
  const { samples } = await read(gateway);
  const label = 'downstream="crm"';
  expect(samples.get(`mcp_switchboard_call_failures_total{${label},reason="outcome_unknown"}`)).toBe(1);
  expect(samples.get(`mcp_switchboard_call_failures_total{${label},reason="deadline"}`)).toBe(1);
  expect(samples.get(`mcp_switchboard_calls_total{${label},outcome="failed"}`)).toBe(2);
  expect(samples.get(`mcp_switchboard_calls_in_flight{${label}}`)).toBe(0);
});
