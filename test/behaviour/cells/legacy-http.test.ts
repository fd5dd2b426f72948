import { describeCells } from './scene.ts';

describeCells('legacy', 'HTTP');
