/**
 * Every failure this gateway can produce, with its text, and the one mapping of each to what a caller hears:
 * a tool result the model can read, a JSON-RPC error, or an HTTP status.
 *
 * Texts name who, what, how much and where to change it. They never carry a downstream's body, a header value or
 * a stack: the cause travels in `cause`, for the log.
 */

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
