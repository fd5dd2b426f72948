// SDK v1 over stdio.
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { firstGenerationServer } from '../sdk-v1.ts';
import { recordStdin } from './record.ts';
import { recordedTools } from './recorded-tools.ts';

recordStdin();
await firstGenerationServer(recordedTools()).connect(new StdioServerTransport());
