// Something of everything that the protocol has; ERA says on which SDK.
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { wholeForPipe } from '../whole.ts';
import { recordStdin } from './record.ts';

recordStdin();
if (process.env.ERA === 'modern') serveStdio(wholeForPipe('modern'), { legacy: 'reject' });
else await wholeForPipe('legacy')().connect(new StdioServerTransport());
