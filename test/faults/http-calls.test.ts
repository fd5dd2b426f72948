import { evilServer } from '../support/evil/wire.ts';
import { HTTP_FAULTS } from './http.ts';
import { runOnCalls } from './run.ts';

runOnCalls(HTTP_FAULTS, (era) => evilServer({ era }));
