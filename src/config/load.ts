import { accessSync, constants, existsSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import type { Config, DownstreamConfig } from './config.ts';
import { ConfigError } from './config-error.ts';
import { parseDocument } from './document.ts';
import { createExpander, type Env } from './expand.ts';
import { withoutScheme } from './header-rules.ts';
import { readHosts } from './hosts.ts';
import { trace } from './links.ts';
import { createProblems, isObject } from './problems.ts';
import { findProfile, readProfiles, readToolsets } from './profile-fields.ts';
import { type Pipes, readText } from './read-text.ts';
import type { Reading } from './reading.ts';
import { DEFAULTS, type FileShape } from './schema.ts';
import { readLimits } from './schema-limits.ts';
import { readServer } from './server.ts';
import { checkShape, type Partly } from './shape.ts';

/** More than a thousand servers; and whatever is in it, it is judged within a second. */
const MAX_FILE_BYTES = 256 * 1024;

export interface ConfigSource {
  readonly path: string;
  readonly env: Env;
  readonly onFile?: (path: string) => void;
  readonly pipes?: Pipes;
}

const SERVER_FIELDS = ['mcpServers', 'servers'] as const;

/**
 * Reads a configuration file: checked, with its variables filled in and every default.
 *
 * @param path  as the person typed it: messages begin with it, and relative paths in the file start beside it
 * @param env   what `${NAME}` stands for
 * @param onFile  told the absolute path of each file that it read or wanted to: of what is to be watched
 * @param pipes  for who reads again: that a file which is a pipe holds what it held the first time
 * @throws ConfigError  with every problem, in the order of the file; no message holds a value from it
 */
export function loadConfig({ path, env, onFile = () => {}, pipes = new Map() }: ConfigSource): Config {
  onFile(resolve(path));
  const read = readText(path, { maxBytes: MAX_FILE_BYTES, pipes });
  if ('problem' in read) {
    const remedy = existsSync(path) ? '' : '; create it, or name another with --config';
    throw new ConfigError(path, [{ path: '', message: read.problem + remedy }]);
  }
  const document = parseDocument(read.text);
  if ('problems' in document) throw new ConfigError(path, document.problems);

  const { report, list } = createProblems(document.offsetOf);
  const sources = new Set<string>();
  dropDisabled(document.value);
  document.reportKeys(report);
  const directory = dirname(resolve(path));
  const onSource = (file: string) => {
    sources.add(file);
    onFile(file);
  };
  const expander = createExpander({ env, directory, onFile: onSource }, report);
  const reading = { expander, report, directory, sources, offsetOf: document.offsetOf };
  const config = readFile(checkShape(document.value, report), path, reading);

  const problems = list();
  if (problems.length > 0) throw new ConfigError(path, problems);
  return config;
}

/** Before anything is checked: an entry is often disabled because something about it is missing. */
function dropDisabled(file: unknown): void {
  for (const field of SERVER_FIELDS) {
    const servers = isObject(file) ? file[field] : undefined;
    if (!isObject(servers)) continue;
    for (const [key, server] of Object.entries(servers)) {
      if (isObject(server) && server.disabled === true) delete servers[key];
    }
  }
}

function readFile(shape: Partly<FileShape> | undefined, file: string, reading: Reading): Config {
  const downstreams = shape === undefined ? [] : readServers(shape, reading);
  const { report } = reading;
  const profiles = readProfiles(shape?.profiles, report);
  const catalogFile = readCatalogFile(shape?.catalogFile, file, reading);
  const auditFile = readAuditFile(shape?.audit?.file, file, catalogFile, reading);
  const blocks = downstreams.some(({ definitionChanges }) => definitionChanges === 'block');
  const why = blocks ? whyNotKept(catalogFile) : undefined;
  if (why !== undefined) {
    report(
      ['catalogFile'],
      `${why}, and "definitionChanges": "block" keeps in it what was accepted; name ${catalogFile === '' ? 'one' : 'another place'}`,
    );
  }
  return {
    file,
    downstreams,
    profiles,
    profile: findProfile(shape?.profile, ['profile'], profiles, report),
    toolsets: readToolsets(shape?.toolsets, profiles, reading),
    catalogFile: catalogFile === '' ? undefined : catalogFile,
    allowedHosts: readHosts(shape?.allowedHosts ?? [], ['allowedHosts'], reading),
    legacySse: shape?.legacySse ?? false,
    audit: { file: auditFile, values: shape?.audit?.values ?? false },
    drainMs: shape?.drainMs ?? DEFAULTS.drainMs,
    limits: readLimits(shape?.limits),
    secrets: listSecrets(downstreams, reading.expander.filledIn),
  };
}

/** Beside the file and by its name, so that two files in one folder do not share it; empty for none. */
function readCatalogFile(written: string | undefined, file: string, reading: Reading): string {
  const at = ['catalogFile'];
  const name = reading.expander.expand(written, at);
  if (name === '') return name;
  const path = resolve(reading.directory, name ?? `${basename(file, extname(file))}.catalog.json`);
  const problem = judgeWritten(path, file, reading);
  if (problem !== undefined) reading.report(at, problem);
  return path;
}

/** Whether nothing is lost where this is written over, or added to. */
function judgeWritten(path: string, file: string, { sources }: Reading): string | undefined {
  // Node refuses such a path with a message that quotes it.
  if (path.includes('\0')) return 'has a NUL in it; remove it';
  // Wherever links lead: what they lead to is written.
  const { end } = trace(path);
  if (end === trace(resolve(file)).end) return 'is this file itself; name another';
  const isSource =
    [path, end].some((one) => basename(one) === '.env') ||
    [...sources].some((source) => trace(source).end === end);
  return isSource ? 'is a file that values are taken from; name another' : undefined;
}

/** Now and not when it is written: what is not kept is not missed before the next start, which then accepts anything. */
function whyNotKept(catalogFile: string): string | undefined {
  if (catalogFile === '') return 'is empty';
  // Told already.
  if (catalogFile.includes('\0')) return undefined;
  try {
    // It is replaced by another, which is written beside it, wherever links lead.
    accessSync(`${dirname(trace(catalogFile).end)}/.`, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `cannot be written (${(error as NodeJS.ErrnoException).code})`;
  }
}

function readAuditFile(
  written: string | undefined,
  file: string,
  catalogFile: string,
  reading: Reading,
): string | undefined {
  const at = ['audit', 'file'];
  const name = reading.expander.expand(written, at);
  if (name === undefined) return undefined;
  const path = resolve(reading.directory, name);
  const problem = name === '' ? 'is empty; name a file, or leave it out' : judgeWritten(path, file, reading);
  if (problem !== undefined) reading.report(at, problem);
  else if (trace(path).end === trace(catalogFile).end)
    reading.report(at, 'is the file of catalogFile; name another');
  return path;
}

function readServers(shape: Partly<FileShape>, reading: Reading): DownstreamConfig[] {
  const fields = SERVER_FIELDS.filter((field) => Object.hasOwn(shape, field));
  if (fields.length === 0) reading.report([], 'needs mcpServers, an object of servers by name');
  if (fields.length === 2) reading.report([], 'has mcpServers and servers; keep one of them');
  return fields.flatMap((field) => {
    const offsetOf = ([key]: [string, unknown]) => reading.offsetOf([field, key]);
    // JavaScript moves keys that are numbers to the front.
    const servers = Object.entries(shape[field] ?? {}).sort((a, b) => offsetOf(a) - offsetOf(b));
    if (shape[field] !== undefined && servers.length === 0) {
      reading.report([field], 'has no server, or only disabled ones; add one');
    }
    return servers.flatMap(([key, server]) => {
      return server === undefined
        ? []
        : (readServer(key, server, [field, key], reading, shape.definitionChanges ?? 'warn') ?? []);
    });
  });
}

/** Of a variable. What else an entry has in its env is a mode, a folder or a name, and stands in ordinary text as well. */
const SECRET_NAME = /key|token|secret|pass|auth(?!or(_|$))|cred/i;

function listSecrets(downstreams: readonly DownstreamConfig[], filledIn: ReadonlySet<string>): string[] {
  const secrets = new Set(filledIn);
  for (const downstream of downstreams) {
    const given =
      downstream.kind === 'http'
        ? downstream.headers
        : Object.entries(downstream.env).filter(([name]) => SECRET_NAME.test(name));
    for (const [name, value] of given) {
      secrets.add(value);
      if (/auth/i.test(name)) secrets.add(withoutScheme(value));
    }
  }
  secrets.delete('');
  return [...secrets];
}
