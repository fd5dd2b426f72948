#!/usr/bin/env node
import './cli/lasting-tick.ts';
import { Command } from 'commander';
import { ENTRY_NAMES, entry } from './cli/entry.ts';
import { readEnvironment } from './cli/environment.ts';
import { UsageError } from './cli/usage-error.ts';
import { ConfigError } from './config/config-error.ts';
import { IMPLEMENTATION } from './version.ts';

// The commands are loaded when they are asked for: `--help` and `entry` need no HTTP and no protocol.
const environment = (onFile?: (path: string) => void) =>
  readEnvironment(workingDirectory(), process.env, onFile);
const program = new Command('mcp-switchboard')
  .description(
    'One MCP server in front of many: one URL and one bearer, each server behind with its own headers.',
  )
  .version(IMPLEMENTATION.version)
  .showHelpAfterError('(see npx mcp-switchboard --help)')
  // A misspelt command would be taken for the default one, and its options for unknown ones.
  .hook('preSubcommand', ({ args: [first = '-'] }, command) => {
    if (first.startsWith('-') || first === command.name()) return;
    throw new UsageError(`There is no command "${first}". See: npx mcp-switchboard --help`);
  })
  // Without "[options]", which all of them have: what is left of 80 columns is for the descriptions.
  .configureHelp({
    subcommandTerm: (command) =>
      `${command.name()} ${command.usage().replace('[options]', '').trim()}`.trim(),
  });

const FOR_OPTION = [
  '--for <profile>',
  'as that kind of caller meets it: realtime, openai, claude, ...',
] as const;
const TOOLSET_OPTION = ['--toolset <name>', 'only what is served at /mcp/<name>'] as const;
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
  .option('--workers <number>', 'processes that serve (WORKERS; default 1)')
  .option('--stdio', 'serve the one caller that started this process, over its pipes')
  .option('--for <profile>', 'with --stdio: what kind of caller it is')
  .option('--toolset <name>', 'with --stdio: serve it that toolset')
  .action((options) => run(import('./cli/serve.ts').then(({ serve }) => serve(options, environment))));

program
  .command('check')
  .description('connect to every server and say what is found; exits with 1 if one fails')
  .option(...CONFIG_OPTION)
  .option(...FOR_OPTION)
  .option(...TOOLSET_OPTION)
  .action((options) =>
    runBriefly(import('./cli/check.ts').then(({ check }) => check(options, environment()))),
  );

program
  .command('tools')
  .description('list the tools as callers see them, one line each')
  .option(...CONFIG_OPTION)
  .option('--json', 'whole definitions, as JSON')
  .option(...FOR_OPTION)
  .option(...TOOLSET_OPTION)
  .option('--diff <file>', 'what has changed since that output of tools --json')
  .action((options) =>
    runBriefly(import('./cli/tools.ts').then(({ tools }) => tools(options, environment()))),
  );

program
  .command('call')
  .description('call one tool and print its result as JSON')
  .argument('<exposed-name>')
  .argument('[arguments]', 'a JSON object', '{}')
  .option(...CONFIG_OPTION)
  .option(...FOR_OPTION)
  .option(...TOOLSET_OPTION)
  .action((name, json, options) =>
    runBriefly(import('./cli/call.ts').then(({ call }) => call(name, json, options, environment()))),
  );

program
  .command('approve')
  .description('accept what servers say differently than they did, where that is blocked')
  .argument('[server]', 'only of this one')
  .argument('[tool]', 'only this one')
  .option(...CONFIG_OPTION)
  .option('--list', 'show what waits, and accept nothing; exits with 1 if something does')
  .option('--seen <code>', 'accept only what --list has shown with this code')
  .action((server, tool, options) =>
    runBriefly(
      import('./cli/approve.ts').then(({ approve }) => approve(server, tool, options, environment())),
    ),
  );

program
  .command('entry')
  .description(`print a configuration to paste: ${ENTRY_NAMES.join(', ')}`)
  .argument('<client>')
  .option(
    '--url <url>',
    'where that client reaches this gateway; default: on this machine, with HOST and PORT',
  )
  .option(...CONFIG_OPTION)
  .action((client, options) =>
    runBriefly(Promise.resolve().then(() => entry(client, options, environment()))),
  );

function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    throw new UsageError('The working directory is gone. Change into one that is there.');
  }
}

async function run(command: Promise<number>): Promise<void> {
  process.exitCode = await command;
}

/** A command that ends by itself; where it is interrupted, what it started ends with it. */
function runBriefly(command: Promise<number>): Promise<void> {
  // Unhandled, a signal ends Node without the 'exit' event, and so without an end to the processes downstream.
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  process.once('SIGHUP', () => process.exit(129));
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    // Whoever reads the output, `head` for one, may have enough of it.
    if (code === 'EPIPE') return;
    process.stderr.write(`The output could not be written (${code}).\n`);
    process.once('exit', () => {
      process.exitCode = 1;
    });
  });
  return run(command);
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof UsageError || error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
