import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startNode } from '../support/child.ts';
import { readMarkdown, root } from './markdown.ts';
import { repositoryFiles } from './repository.ts';

const run = promisify(execFile);

interface Instruction {
  readonly name: string;
  readonly value: string;
}

/** The instructions of each stage. */
const stages = readMarkdown('Dockerfile')
  .text.replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, '')
  .split(/^(?=FROM )/m)
  .map((stage): Instruction[] =>
    stage
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({ name: line.split(' ', 1)[0] ?? '', value: line.slice(line.indexOf(' ') + 1) })),
  );
const [build = [], image = []] = stages;

test('there is a stage that builds and a stage that is the image, both on node:24-slim', () => {
  expect(stages.map(([from]) => from)).toEqual([
    { name: 'FROM', value: 'node:24-slim AS build' },
    { name: 'FROM', value: 'node:24-slim' },
  ]);
});

test('everything that is copied is in the repository, and nothing else gets near the image', () => {
  const copied = new Set(stages.flat().flatMap((each) => (isLocalCopy(each) ? copy(each).sources : [])));
  const files = repositoryFiles();
  const missing = [...copied].filter(
    (path) => !files.some((file) => file === path || file.startsWith(`${path}/`)),
  );
  expect(missing).toEqual([]);
  const rules = readMarkdown('.dockerignore')
    .text.split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(rules).toEqual(['*', ...[...copied].map((path) => `!${path}`)]);
});

test('npm ci takes the lock file: it leaves out nothing, not even for another platform', () => {
  const { packages } = readLock();
  const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !foldersAbove(path).some((folder) => `${folder}node_modules/${name}` in packages))
      .map((name) => `${name}, for ${path}`),
  );
  expect(missing).toEqual([]);
});

test('the program runs as a user without rights, and nothing after it needs them [R145]', () => {
  const after = image.slice(image.findIndex(({ name, value }) => name === 'USER' && value === 'node') + 1);
  expect(after.map(({ name }) => name)).toEqual(['EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD']);
});

test('its user has a folder for what is kept, at the place that README names for it', () => {
  const made = image.slice(
    0,
    image.findIndex(({ name }) => name === 'USER'),
  );
  expect(made).toContainEqual({ name: 'RUN', value: 'mkdir data && chown node:node data' });
  const [, section = ''] = readMarkdown('README.md').text.split('\n### Container\n');
  expect(section).toContain('/app/data`');
  // Relative, it would be beside the configuration, which may be in a folder of its own.
  expect(section).toContain('{ "catalogFile": "/app/data/servers.catalog.json" }');
});

test('its steps leave a program that starts without dev dependencies, and is found healthy', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'image-'));
  try {
    const builder = join(folder, 'builder');
    const app = join(folder, 'app');
    for (const instruction of build) await step(instruction, builder, builder);
    for (const instruction of image) await step(instruction, app, builder);

    // Links are to be taken for what they stand for: only then do packages find nothing but what was installed.
    const asInstalled = ['--preserve-symlinks', '--preserve-symlinks-main'];
    const env = { ...variables(image), PORT: '0', SWITCHBOARD_TOKEN: 'a-token-of-16-characters' };
    await writeFile(
      join(app, 'servers.json'),
      '{ "definitionChanges": "block", "catalogFile": "data/servers.catalog.json", "mcpServers": { "crm": { "url": "https://crm.invalid/mcp" } } }',
    );
    const [node, ...start] = [...json('ENTRYPOINT'), ...json('CMD')];
    expect(node).toBe('node');
    await using program = startNode([...asInstalled, ...start], { cwd: app, env });
    const [, port = ''] = await program.waitFor('stderr', /"url":"http:\/\/0\.0\.0\.0:(\d+)\/mcp"/);
    expect(await checkHealth(port)).toBe(0);
    program.process.kill('SIGTERM');
    expect(await program.exit).toEqual({ code: 0, signal: null });
    expect(await checkHealth(port)).toBe(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the health check asks the port that the image listens on', () => {
  expect(variables(image)).toMatchObject({ HOST: '0.0.0.0', PORT: '8080' });
  expect(image.find(({ name }) => name === 'EXPOSE')?.value).toBe('8080');
});

/** Does in `folder` what an instruction does in its stage; what npm would fetch is linked from here instead. */
async function step(instruction: Instruction, folder: string, builder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (instruction.name === 'COPY') {
    const { sources, target } = copy(instruction);
    const isLocal = isLocalCopy(instruction);
    for (const source of sources) {
      const from = isLocal ? join(root, source) : join(builder, source.replace('/app/', ''));
      await cp(from, target === './' ? join(folder, source) : join(folder, target), { recursive: true });
    }
  }
  if (instruction.name !== 'RUN') return;
  for (const command of instruction.value.split(' && ')) {
    if (command === 'npm ci --ignore-scripts') await linkPackages(folder, () => true);
    else if (command === 'npm ci --omit=dev --ignore-scripts') await linkPackages(folder, (dev) => !dev);
    else if (command === 'npm run build') await run('npm', ['run', 'build'], { cwd: folder });
    else if (command === 'mkdir data') await mkdir(join(folder, 'data'));
    else expect(['npm cache clean --force', 'chown node:node data']).toContain(command);
  }
}

/** The packages of the lock file, by whether they are only for development. */
async function linkPackages(folder: string, isWanted: (dev: boolean) => boolean): Promise<void> {
  for (const [path, { dev = false }] of Object.entries(readLock().packages)) {
    // One inside another comes along with it. One for another platform is not installed.
    if (!/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) || !isWanted(dev) || !existsSync(join(root, path)))
      continue;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await symlink(join(root, path), join(folder, path));
  }
  await cp(join(root, 'node_modules/.bin'), join(folder, 'node_modules/.bin'), {
    recursive: true,
    verbatimSymlinks: true,
  });
}

interface LockFile {
  readonly packages: Record<string, { dev?: boolean; dependencies?: object; optionalDependencies?: object }>;
}

function readLock(): LockFile {
  return JSON.parse(readMarkdown('package-lock.json').text);
}

/** Where the packages that this one needs may be, itself first: `node_modules/a/`, and the root, which is empty. */
function foldersAbove(path: string): string[] {
  const steps = path === '' ? [] : path.split(/\/(?=node_modules\/)/);
  return steps.map((_, index) => `${steps.slice(0, index + 1).join('/')}/`).concat('');
}

async function checkHealth(port: string): Promise<number | null> {
  const { value } = image.find(({ name }) => name === 'HEALTHCHECK') ?? { value: '' };
  const [node, ...args] = JSON.parse(value.slice(value.indexOf('CMD ') + 4)) as string[];
  expect(node).toBe('node');
  await using child = startNode(args, { env: { PORT: port } });
  return (await child.exit).code;
}

function isLocalCopy({ name, value }: Instruction): boolean {
  return name === 'COPY' && !value.startsWith('--from=');
}

function copy({ value }: Instruction): { sources: string[]; target: string } {
  const paths = value.split(' ').filter((word) => !word.startsWith('--'));
  return { sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
}

function json(name: string): string[] {
  return JSON.parse(image.find((each) => each.name === name)?.value ?? '[]');
}

function variables(stage: Instruction[]): Record<string, string> {
  const pairs = stage.flatMap(({ name, value }) => (name === 'ENV' ? value.split(' ') : []));
  return Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]));
}
