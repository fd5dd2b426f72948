import { evilServer } from '../support/evil/wire.ts';
import { HTTP_FAULTS } from './http.ts';
import { runOnLists } from './run.ts';

runOnLists(HTTP_FAULTS, (era) => evilServer({ era }));
