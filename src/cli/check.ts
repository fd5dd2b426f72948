import { APPROVE_LIST } from '../catalog/acceptance.ts';
import { sentenceOf } from '../catalog/holder.ts';
import { noteOfName } from '../catalog/names.ts';
import type { View } from '../catalog/view.ts';
import type { Config } from '../config/config.ts';
import type { Env } from '../config/expand.ts';
import type { Gateway } from '../gateway.ts';
import type { Secrets } from '../log.ts';
import { forShell } from './entry.ts';
import { withGateway } from './open.ts';
import { printable } from './printable.ts';
import { totalsOf } from './totals.ts';
import { type ViewOptions, viewOf } from './view.ts';
import { wrap } from './wrap.ts';

/**
 * Connects to every downstream and says what it finds; resolves with 0 when all is well, else with 1. Asked for a
 * profile, it is not well when something would break such a caller.
 */
export function check(options: { config?: string } & ViewOptions, env: Env): Promise<number> {
  const printer =
    ({ redact }: Secrets) =>
    (line: string) =>
      void process.stdout.write(`${wrap(redact(printable(line))).join('\n')}\n`);
  const onOpened = ({ file, downstreams }: Config, secrets: Secrets) =>
    printer(secrets)(`${file}: ${count(downstreams.length, 'server')}, no errors`);
  const tell = (gateway: Gateway, config: Config, secrets: Secrets) => {
    const print = printer(secrets);
    const problems = report(gateway, options.config, print);
    if (options.for === undefined && options.toolset === undefined) return problems;
    const view = viewOf(gateway, config, options);
    for (const note of shortenedIn(view, gateway)) print(`  note  ${note}`);
    const { lines, breaks } = totalsOf(view);
    for (const line of lines) print(line);
    return breaks.length > 0 ? 1 : problems;
  };
  return withGateway(options, env, tell, { onOpened });
}

/** Names that this kind of caller cannot be given as they are, though others can. */
function shortenedIn({ routes }: View, { catalog }: Gateway): string[] {
  const known = new Set(catalog.notes.map(sentenceOf));
  return [...routes.values()]
    .flatMap(({ exposedName, originalName, downstream, whyRenamed: why }) =>
      why === undefined
        ? []
        : [
            sentenceOf({
              downstream: downstream.key,
              tool: originalName,
              note: noteOfName(exposedName, why),
            }),
          ],
    )
    .filter((sentence) => !known.has(sentence));
}

function report(gateway: Gateway, configFile: string | undefined, print: (line: string) => void): number {
  const { downstreams, notes, tools } = gateway.status();
  const width = Math.max(...Object.keys(downstreams).map((key) => key.length));
  let problems = 0;
  for (const [key, status] of Object.entries(downstreams)) {
    const name = key.padEnd(width);
    if (status.state === 'ready') {
      print(`  ok    ${name}  ${count(status.tools ?? 0, 'tool')}, ${status.version} (${status.era})`);
    } else {
      problems++;
      print(`  FAIL  ${name}  ${status.why}`);
      if (status.detail !== undefined) print(`        it said: ${status.detail}`);
    }
    for (const warning of status.warnings ?? []) print(`  note  ${name}  ${warning}`);
  }
  for (const note of notes) print(`  note  ${forSameFile(sentenceOf(note), configFile)}`);
  print(problems === 0 ? `${count(tools, 'tool')} exposed` : `${count(problems, 'server')} cannot be used`);
  return problems === 0 ? 0 : 1;
}

/** The command that a note ends with reads the file that this one was given. */
function forSameFile(sentence: string, configFile: string | undefined): string {
  const hint = `(${APPROVE_LIST}).`;
  if (configFile === undefined || !sentence.endsWith(hint)) return sentence;
  return `${sentence.slice(0, -hint.length)}(${APPROVE_LIST} --config ${forShell(configFile)}).`;
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
