// Before anything else loads undici. That asks whether there is a global `Headers`, and Node then loads the undici that it
// has within: a megabyte, and a fiftieth of a start. What Node's would be is undici's own instead.
Reflect.deleteProperty(globalThis, 'Headers');
const { install } = await import('undici');
install();

export {};
