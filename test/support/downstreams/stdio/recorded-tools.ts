import { type Toolbox, toolbox } from '../tools.ts';
import { record } from './record.ts';

/** The common tools; how each call ended goes into the record. */
export function recordedTools(): Toolbox {
  const tools = toolbox();
  return {
    ...tools,
    async run(call) {
      call.signal.addEventListener('abort', () =>
        record({ event: 'call ended', tool: call.name, outcome: 'cancelled' }),
      );
      const result = await tools.run(call);
      record({ event: 'call ended', tool: call.name, outcome: 'answered' });
      return result;
    },
  };
}
