/** One thing wrong in the configuration: where it stands (`mcpServers.crm.headers.X-API-KEY`) and what to do. */
export interface ConfigProblem {
  path: string;
  message: string;
}

/** The configuration cannot be used. Holds every problem found, not just the first. */
export class ConfigError extends Error {
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super(
      problems.map(({ path, message }) => `${file}: ${path === '' ? '' : `${path}: `}${message}`).join('\n'),
    );
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }
}
