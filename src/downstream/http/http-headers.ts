import type { Headers } from '../../config/config.ts';
import { USER_AGENT } from '../../version.ts';

/** The configured headers, and who we are where they do not say otherwise. */
export function withUserAgent(headers: Headers): Headers {
  const isNamed = headers.some(([name]) => name.toLowerCase() === 'user-agent');
  return isNamed ? headers : [...headers, ['user-agent', USER_AGENT]];
}

/** Of a header that came twice, as where a proxy has added its own, undici has both, though Node's types say that there is one. */
export function firstOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
