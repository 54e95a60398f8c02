import { expect, it } from 'vitest';
import { createAccessList } from '../../src/mcp/access-list.ts';

it('permits what is allowed and not denied, with globs over the whole name', () => {
  const access = createAccessList({ allow: ['self.*', '{home,http}_*'], deny: ['self.reboot', '*_secret'] });
  const names = [
    'self.reboot',
    'self.audio_speaker.set_volume',
    'home_light',
    'http_secret',
    'x',
    '.x',
    'self',
  ];
  expect(names.filter(access.permits)).toEqual(['self.audio_speaker.set_volume', 'home_light']);
});

it('permits everything at first, also names with slashes and dots', () => {
  const access = createAccessList();
  expect(['a', '.a', 'a/b', 'self.x', '天气'].every(access.permits)).toBe(true);
});

it('follows new rules at once', () => {
  const access = createAccessList();
  access.replace({ allow: [], deny: [] });
  expect(access.permits('a')).toBe(false);
  access.replace({ allow: ['a'], deny: [] });
  expect(access.permits('a')).toBe(true);
});

it('those who follow the list are told of other rules, and only of those', () => {
  const list = createAccessList();
  let changes = 0;
  const end = list.subscribe(() => {
    changes += 1;
  });
  list.replace({ allow: ['*'], deny: [] });
  expect(changes).toBe(0);
  list.replace({ allow: ['*'], deny: ['self.*'] });
  expect([changes, list.permits('self.reboot')]).toEqual([1, false]);
  end();
  list.replace({ allow: [], deny: [] });
  expect(changes).toBe(1);
});
