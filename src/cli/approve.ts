import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { APPROVE } from '../catalog/acceptance.ts';
import {
  type Entry,
  MAX_ENTRY_CHARS,
  readCatalog,
  writeCatalog,
  writeEntry,
} from '../catalog/catalog-text.ts';
import { differences, digestOf } from '../catalog/digest.ts';
import { replaceFile, versionOf } from '../catalog/replace-file.ts';
import { type Accepted, accept, type Changed, shownName, weigh } from '../catalog/weigh.ts';
import type { Config } from '../config/config.ts';
import type { Env } from '../config/expand.ts';
import { identityOf } from '../config/identity.ts';
import { formatBytes } from '../format-bytes.ts';
import { createSecrets } from '../log.ts';
import { escapeHiddenLine } from '../visible.ts';
import { forShell } from './entry.ts';
import { openConfig } from './open.ts';
import { UsageError } from './usage-error.ts';
import { wrap } from './wrap.ts';

/** A gateway that writes at the same moment has had its turn after one. */
const MAX_ATTEMPTS = 5;

/** One downstream with something that waits. */
interface Pending {
  readonly key: string;
  readonly entry: Entry;
  readonly accepted: Accepted;
  readonly changed: readonly Changed[];
}

/**
 * Accepts what waits of a downstream, or one tool of it, or all; with `list` shows it and accepts nothing, and with `seen`
 * accepts it only while it is what was shown then. It asks no server: what waits is what the gateway has been given, and has
 * written down.
 */
export async function approve(
  downstream: string | undefined,
  tool: string | undefined,
  options: { config?: string; list?: boolean; seen?: string },
  env: Env,
): Promise<number> {
  const config = openConfig(options.config, env);
  if (downstream !== undefined && !config.downstreams.some(({ key }) => key === downstream)) {
    throw new UsageError(`${config.file} has no server "${downstream}".`);
  }
  const { redact } = createSecrets(config.secrets);
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const file = fileOf(config);
    const version = versionOf(file);
    const entries = readEntries(file, config);
    const pending = pendingIn(entries, config, downstream, tool);
    if (pending.length === 0) {
      if (options.seen !== undefined) throw new UsageError(IS_ANOTHER);
      if (tool !== undefined) throw new UsageError(`Nothing called "${tool}" waits for approval.`);
      print('Nothing waits for approval.');
      // `check` asks the servers, and may have found more.
      if (options.list === true)
        print('What waits is what a gateway that serves was given last: start it, look again.');
      return 0;
    }
    if (options.list === true) {
      for (const line of pending.flatMap((one) => describe(one, redact))) print(line);
      const where = options.config === undefined ? [] : ['--config', options.config];
      const which = [downstream, tool, ...where].filter((arg) => arg !== undefined);
      print('To accept this, and nothing that a server says since:');
      print(`  ${[APPROVE, ...which.map(forShell), '--seen', codeOf(pending)].join(' ')}`);
      return 1;
    }
    if (options.seen !== undefined && options.seen !== codeOf(pending)) throw new UsageError(IS_ANOTHER);
    for (const { key, entry, accepted, changed } of pending) {
      entries.set(key, { ...entry, accepted: accept(accepted, changed) });
    }
    if ((await replaceFile(file, writeCatalog(written(entries)), version)) === undefined) continue;
    for (const { key, changed } of pending) {
      for (const change of changed) print(redact(escapeHiddenLine(`approved  ${key}  ${shownName(change)}`)));
    }
    return 0;
  }
  throw new UsageError('The file of lists was written by another all the while. Try again.');
}

const IS_ANOTHER = 'What waits is not what was shown with that code: look again, with --list.';

const CODE_CHARS = 32;

/** What waits, in a word that nothing else has. */
function codeOf(pending: readonly Pending[]): string {
  const all = pending.flatMap(({ key, changed }) =>
    changed.map((change) => [key, shownName(change), digestOf(change.after)]),
  );
  return hash('sha256', JSON.stringify(all), 'hex').slice(0, CODE_CHARS);
}

function fileOf({ file, catalogFile }: Config): string {
  if (catalogFile !== undefined) return catalogFile;
  throw new UsageError(`${file} keeps no lists ("catalogFile": ""), so nothing can be approved.`);
}

function readEntries(file: string, { downstreams }: Config): Map<string, Entry> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOENT') return new Map();
    throw new UsageError(`${file} cannot be read (${code}).`);
  }
  const found = readCatalog(text);
  if (found === undefined) throw new UsageError(`${file} is not a file of lists as this version writes it.`);
  const lost = downstreams.filter(
    ({ key, definitionChanges }) => definitionChanges === 'block' && found.wrong.includes(key),
  );
  if (lost.length === 0) return found.entries;
  // Written anew, the file would not have it, and what that server says next would be accepted.
  const keys = lost.map(({ key }) => JSON.stringify(key)).join(', ');
  throw new UsageError(
    `${file} has no list that can be used of ${keys}:\nput it right, or delete it to accept what servers say at the next start.`,
  );
}

function written(entries: ReadonlyMap<string, Entry>): Map<string, string> {
  return new Map(
    [...entries].map(([key, entry]) => {
      const text = writeEntry(entry);
      if (text === undefined) throw new UsageError(tooLong(key));
      return [key, text];
    }),
  );
}

const tooLong = (key: string) =>
  `"${key}" lists more than the ${formatBytes(MAX_ENTRY_CHARS)} that are kept, so nothing can be approved.
Let it list less, or set its definitionChanges to "warn" in servers.json.`;

function pendingIn(
  entries: ReadonlyMap<string, Entry>,
  { downstreams }: Config,
  only: string | undefined,
  tool: string | undefined,
): Pending[] {
  return downstreams.flatMap((config): Pending[] => {
    const { key } = config;
    const entry = entries.get(key);
    const isMeant = config.definitionChanges === 'block' && (only === undefined || only === key);
    if (!isMeant || entry === undefined || entry.server !== identityOf(config)) return [];
    const { accepted, changed } = weigh(entry.accepted, entry.list, entry.server, 'block');
    const meant = changed.filter((change) => tool === undefined || shownName(change) === tool);
    return meant.length === 0 ? [] : [{ key, entry, accepted, changed: meant }];
  });
}

function describe({ key, changed }: Pending, redact: (text: string) => string): string[] {
  // In this order: what is cut in two is no longer found.
  const shown = (line: string) => wrap(redact(escapeHiddenLine(line)));
  const text = (sign: string, value: unknown) =>
    textOf(value)
      .split('\n')
      .flatMap((line, index) => shown(`    ${index === 0 ? sign : ' '} ${line}`));
  return changed.flatMap((change) => {
    const { before, after } = change;
    const fields = differences(before ?? {}, after).flatMap((difference) => [
      ...shown(`    ${difference.path}`),
      ...(difference.before === undefined ? [] : text('-', difference.before)),
      ...(difference.after === undefined ? [] : text('+', difference.after)),
    ]);
    return [...shown(`${before === undefined ? '+' : '~'} ${key}  ${shownName(change)}`), ...fields, ''];
  });
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
