// Both suites import `globSync` from "fs" (for a command that we do not use), which Node has since 22: on Node 20
// their command line ends before it starts. Loaded with --import, this supplies the name; on later ones it does nothing.
import fs from 'node:fs';
import { register } from 'node:module';

if (!('globSync' in fs)) register('./hooks.mjs', import.meta.url);
