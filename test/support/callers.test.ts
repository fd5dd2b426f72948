import { describe, expect, test } from 'vitest';
import { agentsSdk } from './callers/agents-sdk.ts';
import { claudeCode } from './callers/claude-code.ts';
import type { Caller } from './callers/conversation.ts';
import { copilotStudio } from './callers/copilot-studio.ts';
import { cursor } from './callers/cursor.ts';
import { geminiCli } from './callers/gemini-cli.ts';
import { liveKit } from './callers/livekit.ts';
import { mcpRemote, openMcpRemote } from './callers/mcp-remote.ts';
import { chatgpt, openaiLegacy2024, openaiRealtime } from './callers/openai.ts';
import { vscode } from './callers/vscode.ts';
import { legacyServer } from './downstreams/legacy.ts';
import { modernServer } from './downstreams/modern.ts';
import { plainServer } from './downstreams/plain.ts';
import { acceptsWithoutAnswer, answersResult, answersWrongId, neverAnswers } from './downstreams/wire.ts';

const token = 'caller-token';
const requires = { authorization: `Bearer ${token}` };
const echoed = { content: [{ type: 'text', text: 'hello' }], structuredContent: { text: 'hello' } };

describe('a caller is content with a server that suits it', () => {
  const legacyCallers = {
    openaiLegacy2024,
    chatgpt,
    copilotStudio,
    vscode,
    cursor,
    liveKit,
    geminiCli,
    claudeCode,
  };
  test.each(Object.entries<Caller>({ ...legacyCallers, agentsSdk, mcpRemote }))(
    '%s, SDK v1',
    async (_, caller) => {
      await using server = await legacyServer({ sessions: false, json: false, requires });
      expect(await caller(server.url, token)).toMatchObject({ result: echoed });
      expect(server.calls).toHaveLength(1);
    },
  );

  test.each(Object.entries<Caller>({ openaiRealtime, chatgpt, claudeCode }))(
    '%s, modern',
    async (_, caller) => {
      await using server = await modernServer({ requires });
      expect(await caller(server.url, token)).toMatchObject({ version: '2026-07-28', result: echoed });
      expect(
        server.requests.some((request) => (request.body as { method: string }).method === 'initialize'),
      ).toBe(false);
    },
  );

  const sessionCallers = { vscode, cursor, liveKit, geminiCli, claudeCode, agentsSdk, mcpRemote };
  test.each(Object.entries<Caller>(sessionCallers))('%s, SDK v1 with sessions', async (_, caller) => {
    await using server = await legacyServer({ sessions: true, json: true, requires });
    expect(await caller(server.url, token)).toMatchObject({ result: echoed });
  });
});

test('mcp-remote bridges to 2026-07-28 when it is told to find out', async () => {
  await using server = await modernServer({ requires });
  await using remote = await openMcpRemote(server.url, requires, 'auto');
  const call = { name: 'progress', arguments: { steps: 2 } };
  expect(await remote.client.callTool(call)).toMatchObject({ content: [{ text: '2 steps' }] });
  expect(remote.stderr).not.toContain(token);
});

describe('a caller says what would break it', () => {
  const call = (answer: typeof acceptsWithoutAnswer) =>
    plainServer({ era: 'legacy', version: '2025-11-25', answers: { 'tools/call': answer } });

  test('Realtime, when only initialize is understood', async () => {
    await using server = await legacyServer({ sessions: false, json: false });
    await expect(openaiRealtime(server.url, token)).rejects.toThrow(
      'server/discover was answered with HTTP 400',
    );
  });

  test('Realtime of 2025, when the list comes as JSON', async () => {
    await using server = await legacyServer({ sessions: false, json: true });
    await expect(openaiLegacy2024(server.url, token)).rejects.toThrow('it imported 0 tools');
  });

  test('Copilot Studio, when a session is required', async () => {
    await using server = await legacyServer({ sessions: true, json: true });
    await expect(copilotStudio(server.url, token)).rejects.toThrow('HTTP 400');
  });

  test('VS Code, when only 2026-07-28 is understood', async () => {
    await using server = await modernServer();
    await expect(vscode(server.url, token)).rejects.toThrow('initialize was answered with HTTP 400');
  });

  test('every one, when the token is refused', async () => {
    await using server = await modernServer({ dual: true, requires });
    const callers = [
      openaiRealtime,
      openaiLegacy2024,
      copilotStudio,
      vscode,
      cursor,
      liveKit,
      claudeCode,
      agentsSdk,
    ];
    for (const caller of callers) await expect(caller(server.url, 'wrong')).rejects.toThrow();
    expect(server.calls).toEqual([]);
  });

  test('LiveKit, when a call takes longer than its limit', async () => {
    await using server = await call(neverAnswers);
    await expect(liveKit(server.url, token, { timeoutMs: 200 })).rejects.toThrow(
      'tools/call did not come in 200 ms',
    );
  });

  test('LiveKit, when there is a second page, or no text', async () => {
    await using paged = await plainServer({ era: 'legacy', page: () => ({ tools: [], nextCursor: 'more' }) });
    await expect(liveKit(paged.url, token)).rejects.toThrow('only 0 tools were seen');
    await using silent = await call(answersResult({ content: [] }));
    await expect(liveKit(silent.url, token)).rejects.toThrow('no text');
  });

  test('anyone, when the answer belongs to another request or is none', async () => {
    await using wrong = await call(answersWrongId());
    await expect(vscode(wrong.url, token)).rejects.toThrow('had id "not-yours"');
    await using none = await call(acceptsWithoutAnswer);
    await expect(vscode(none.url, token)).rejects.toThrow('HTTP 202');
  });

  test('OpenAI and Gemini CLI, when a tool does not fit', async () => {
    const tool = (name: string, more = {}) => ({
      name,
      inputSchema: { type: 'object', properties: {}, ...more },
    });
    await using dotted = await plainServer({ era: 'modern', tools: [tool('a.b')] });
    await expect(openaiRealtime(dotted.url, token)).rejects.toThrow('the tool name a.b does not match');
    await using union = await plainServer({ era: 'modern', tools: [tool('a', { anyOf: [] })] });
    await expect(openaiRealtime(union.url, token)).rejects.toThrow('anyOf at its root');
    const long = ['x', 'y'].map((middle) => tool(`${'a'.repeat(30)}${middle}${'b'.repeat(30)}`));
    await using alike = await plainServer({ era: 'legacy', version: '2025-06-18', tools: long });
    await expect(geminiCli(alike.url, token)).rejects.toThrow('only one is left');
  });
});
