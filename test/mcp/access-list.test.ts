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
