import { writeFileSync } from 'node:fs';
import { schemaText } from './json-schema.ts';

writeFileSync(new URL('../../servers.schema.json', import.meta.url), schemaText());
