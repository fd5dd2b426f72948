import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { describeCause, isCutOff } from '../../src/downstream/causes.ts';

const HERE = { address: '127.0.0.1', family: 4 };
/** Kept for documents (RFC 3849): there is no way to it. */
const NOWHERE = { address: '2001:db8::1', family: 6 };

/** How connecting to a host of these addresses fails, where nobody listens at any of them. */
function failedAt(...addresses: (typeof HERE)[]): Promise<Error> {
  return new Promise((resolve) => {
    const socket = connect({
      host: 'crm.example.com',
      port: 2,
      lookup: (_host, _options, callback) => callback(null, addresses),
    });
    socket.once('error', resolve);
  });
}

test('of a host whose server is away that is told, also where its other address leads nowhere', async () => {
  const error = await failedAt(NOWHERE, HERE);
  expect(error).toBeInstanceOf(AggregateError);
  expect([describeCause(error), isCutOff(error)]).toEqual(['connection refused', true]);
});
