import type { IncomingHttpHeaders } from 'node:http';
import type { ErrorRequestHandler, Express, RequestHandler } from 'express';
import { escapeHiddenJson } from '../../visible.ts';
import { loadLibrary } from '../observing/load-library.ts';
import type { Metrics } from '../observing/metrics.ts';
import { CHALLENGE, UNAUTHORIZED } from './endpoint.ts';

export interface PagesOptions {
  hasToken(headers: IncomingHttpHeaders): boolean;
  refusedHost(headers: IncomingHttpHeaders): string | undefined;
  readiness(): Readiness;
  status(): unknown;
  metrics: Pick<Metrics, 'contentType' | 'write'>;
}

export type Readiness = 'starting' | 'ready' | 'behind' | 'stopping';

/**
 * Everything that is not the MCP endpoint, and every answer of it is JSON: Cursor breaks on a 404 that is not.
 *
 * @throws where Express cannot be loaded
 */
export function createPages(options: PagesOptions): Express {
  const express = loadLibrary('express') as typeof import('express');
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);

  // For probes: they come from anywhere, bear no token, and learn nothing.
  app.get('/healthz', (_req, res) => void res.json({ status: 'ok' }));
  app.get('/readyz', (_req, res) => {
    const status = options.readiness();
    res.status(status === 'ready' ? 200 : 503).json({ status });
  });

  const knownHost: RequestHandler = (req, res, next) => {
    const refused = options.refusedHost(req.headers);
    if (refused === undefined) next();
    else res.status(403).json({ error: refused });
  };
  const token: RequestHandler = (req, res, next) => {
    if (options.hasToken(req.headers)) next();
    else res.status(401).setHeader('www-authenticate', CHALLENGE).json({ error: UNAUTHORIZED });
  };
  app.get('/status', knownHost, token, (_req, res) => {
    res.type('json').send(escapeHiddenJson(JSON.stringify(options.status())));
  });

  app.get('/metrics', knownHost, token, async (_req, res) => {
    const text = await options.metrics.write();
    res.setHeader('content-type', options.metrics.contentType).send(text);
  });

  // Clients whose token is refused go on to OAuth. The SDK takes any `error` for a code, and shows the description alone.
  app.post('/register', (_req, res) => {
    res.status(404).json({ error: NOT_FOUND, error_description: UNAUTHORIZED });
  });

  // Clients look for OAuth under /.well-known before they use the token they have: a plain JSON 404 sends them on.
  app.use((_req, res) => void res.status(404).json({ error: NOT_FOUND }));
  app.use(((error: { status?: number }, _req, res, _next) => {
    // What is wrong with a request has a status.
    if (error.status !== undefined) res.status(400).json({ error: 'Bad request.' });
    else res.status(503).setHeader('retry-after', '1').json({ error: NOT_SHOWN });
  }) as ErrorRequestHandler);
  return app;
}

export const NOT_FOUND = 'Not found. MCP is served at POST /mcp.';
export const NOT_SHOWN =
  'This cannot be shown right now: the gateway may have no file descriptors left. Try again in a moment.';
