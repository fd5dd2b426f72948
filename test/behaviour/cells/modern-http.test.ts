import { describeCells } from './scene.ts';

describeCells('modern', 'HTTP');
