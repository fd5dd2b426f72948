import { writeFileSync } from 'node:fs';
import { jsonSchema } from './schema.ts';

writeFileSync(new URL('../../servers.schema.json', import.meta.url), JSON.stringify(jsonSchema(), null, 2));
