import { describeCells } from './scene.ts';

// The transport of 2024-11-05, found out by trying.
describeCells('legacy', 'HTTP+SSE');
