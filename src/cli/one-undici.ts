import { createRequire } from 'node:module';

// Before anything else loads undici. That asks whether there is a global `Headers`, and Node then loads the undici that it
// has within: two megabytes. What would be Node's is undici's own instead. From Node 22 on `node:http` loads it anyway.
Reflect.deleteProperty(globalThis, 'Headers');
const { install } = createRequire(import.meta.url)('undici') as typeof import('undici');
install();
