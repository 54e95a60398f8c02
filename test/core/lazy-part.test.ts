import { expect, it } from 'vitest';
import { keepForLoading, lazyPart } from '../../src/core/lazy-part.ts';

it('is loaded once, by its first use', async () => {
  let loads = 0;
  const part = lazyPart(() => Promise.resolve({ load: ++loads }));
  expect(loads).toBe(0);
  expect(await Promise.all([part(), part()])).toEqual([{ load: 1 }, { load: 1 }]);
  expect(await part()).toEqual({ load: 1 });
});

it('is tried again after a failure, which is told in words', async () => {
  const answers = [
    () => Promise.reject(Object.assign(new Error('open'), { code: 'EMFILE' })),
    () => Promise.resolve('part'),
  ];
  const part = lazyPart(() => (answers.shift() as () => Promise<string>)());
  await expect(part()).rejects.toMatchObject({
    code: 'INTERNAL',
    message: expect.stringContaining('could not be loaded (EMFILE)'),
  });
  expect(await part()).toBe('part');
});

it('finds descriptors that are kept for it', async () => {
  const story: string[] = [];
  keepForLoading({ release: () => void story.push('release'), take: () => void story.push('take') });
  const part = lazyPart(() => {
    story.push('load');
    return Promise.reject(new Error('gone'));
  });
  await part().catch(() => story.push('failed'));
  expect(story).toEqual(['take', 'release', 'load', 'take', 'failed']);
});
