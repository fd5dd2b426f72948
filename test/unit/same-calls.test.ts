import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyOf, type Same, SameCalls } from '../../src/relay/same-calls.ts';

// Few of each, so that many are the same, and many are alike but for one thing.
const same: fc.Arbitrary<Same> = fc.record({
  caller: fc.constantFrom('a', 'b'),
  downstream: fc.constantFrom('crm', 'sql'),
  name: fc.constantFrom('read', 'write'),
  beside: fc.constantFrom('', '[{"acme/user":"bob"}]'),
  argumentsJson: fc.constantFrom(
    '',
    '{}',
    '{"n":1}',
    '{"n":2}',
    `{"text":"${'x'.repeat(900)}"}`,
    '{"é":"😀"}',
  ),
});

test('calls are found by all that makes them the same, and by nothing less', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('add', 'remove', 'find'), same), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (taken) => {
      const calls = new SameCalls<{ same: Same }>();
      const expected = new Map<string, { same: Same }>();
      for (const [step, same] of taken) {
        const known = expected.get(keyOf(same));
        expect(calls.find({ ...same })).toBe(known);
        if (step === 'add' && known === undefined) {
          const call = { same };
          expected.set(keyOf(same), call);
          calls.add(call);
        }
        // Another one that is the same is not it.
        calls.remove({ same });
        if (step === 'remove' && known !== undefined) {
          expected.delete(keyOf(same));
          calls.remove(known);
        }
      }
      expect(new Set(calls.all())).toEqual(new Set(expected.values()));
    }),
  );
});
