#!/usr/bin/env node
import { Command } from 'commander';
import { call } from './cli/call.ts';
import { check } from './cli/check.ts';
import { ENTRY_NAMES, entry } from './cli/entry.ts';
import { readEnvironment } from './cli/environment.ts';
import { serve } from './cli/serve.ts';
import { tools } from './cli/tools.ts';
import { UsageError } from './cli/usage-error.ts';
import { ConfigError } from './errors.ts';
import { IMPLEMENTATION } from './version.ts';

const env = readEnvironment(process.cwd(), process.env);
const program = new Command('mcp-switchboard')
  .description(
    'One MCP server in front of many: one URL and one bearer, each server behind with its own headers.',
  )
  .version(IMPLEMENTATION.version)
  .showHelpAfterError('(see mcp-switchboard --help)');

const CONFIG_OPTION = [
  '-c, --config <file>',
  'the servers behind (SWITCHBOARD_CONFIG; default servers.json)',
] as const;

program
  .command('serve', { isDefault: true })
  .description('serve callers over HTTP, or one over stdio (the default command)')
  .option(...CONFIG_OPTION)
  .option('--host <address>', 'address to listen on (HOST; default 127.0.0.1)')
  .option('--port <number>', 'port to listen on (PORT; default 8080)')
  .option('--stdio', 'serve the one caller that started this process, over its pipes')
  .action((options) => run(serve(options, env)));

program
  .command('check')
  .description('connect to every server and say what is found; exits with 1 if one fails')
  .option(...CONFIG_OPTION)
  .action((options) => run(check(options, env)));

program
  .command('tools')
  .description('list the tools as callers see them, one line each')
  .option(...CONFIG_OPTION)
  .option('--json', 'whole definitions, as JSON')
  .action((options) => run(tools(options, env)));

program
  .command('call')
  .description('call one tool and print its result as JSON')
  .argument('<exposed-name>')
  .argument('[arguments]', 'a JSON object', '{}')
  .option(...CONFIG_OPTION)
  .action((name, json, options) => run(call(name, json, options, env)));

program
  .command('entry')
  .description(`print a configuration to paste: ${ENTRY_NAMES.join(', ')}`)
  .argument('<client>')
  .option('--url <url>', 'where that client reaches this gateway; default http://127.0.0.1:8080/mcp')
  .option(...CONFIG_OPTION)
  .action((client, options) => run(Promise.resolve().then(() => entry(client, options, env))));

async function run(command: Promise<number>): Promise<void> {
  process.exitCode = await command;
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof UsageError || error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
