import { describeCells } from './scene.ts';

describeCells('legacy', 'stdio');
