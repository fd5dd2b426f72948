import { expect, test } from 'vitest';
import { createPublishing } from '../../src/catalog/publishing.ts';

test('a list that changes during a change of the configuration is published once, also where that fails', async () => {
  let published = 0;
  const publishing = createPublishing(() => published++);
  const changed = publishing.during(Promise.resolve());
  publishing.publish();
  await changed;
  expect(published).toBe(0);
  publishing.publish();
  expect(published).toBe(1);
  const failed = publishing.during(Promise.reject(new Error('no process')));
  publishing.publish();
  publishing.publish();
  await expect(failed).rejects.toThrow('no process');
  expect(published).toBe(2);
  await expect(publishing.during(Promise.reject(new Error('nothing new')))).rejects.toThrow();
  expect(published).toBe(2);
});
