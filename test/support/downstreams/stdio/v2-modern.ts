// SDK v2 over stdio, 2026-07-28 only.
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { mcpServer } from '../sdk-v2.ts';
import { recordStdin } from './record.ts';
import { recordedTools } from './recorded-tools.ts';

recordStdin();
const tools = recordedTools();
serveStdio(() => mcpServer(tools), { legacy: 'reject' });
