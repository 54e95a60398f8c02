import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeEntry, parseJournal } from '../../../src/adapters/storage/task-journal-format.ts';

const entries = fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 8 });
/** What comes back: JSON has no negative zero. */
const asJson = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;

test('what was written is read, whatever text is in it', () => {
  fc.assert(
    fc.property(entries, (written) => {
      const parsed = parseJournal(Buffer.concat(written.map(encodeEntry)));
      expect(parsed).toEqual({ entries: written.map(asJson), damaged: [], torn: undefined });
    }),
  );
});

test('a journal cut at any byte holds every entry that was whole there, and nothing else', () => {
  const written = [{ id: 't1', text: 'done\n' }, { id: 't2', text: '结果 🎉' }, { id: 't3' }];
  const lines = written.map(encodeEntry);
  const bytes = Buffer.concat(lines);
  for (let cut = 0; cut <= bytes.length; cut++) {
    let end = 0;
    // The line end itself may be missing.
    const whole = lines.filter((line) => {
      end += line.length;
      return end - 1 <= cut;
    }).length;
    const parsed = parseJournal(bytes.subarray(0, cut));
    expect({ cut, entries: parsed.entries, damaged: parsed.damaged.length }).toEqual({
      cut,
      entries: written.slice(0, whole),
      damaged: 0,
    });
  }
});

test('damage anywhere costs no more than the entries it touches', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ n: fc.nat(), text: fc.string({ maxLength: 30 }) }), {
        minLength: 3,
        maxLength: 6,
      }),
      fc.nat(),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(255),
      (written, at, length, byte) => {
        const lines = written.map(encodeEntry);
        const bytes = Buffer.concat(lines);
        const from = at % bytes.length;
        const to = Math.min(bytes.length, from + length);
        const damaged = Buffer.from(bytes).fill(byte, from, to);
        let start = 0;
        const untouched = lines.flatMap((line, index) => {
          const begin = start;
          start += line.length;
          return damaged
            .subarray(begin - Math.min(begin, 1), start)
            .equals(bytes.subarray(begin - Math.min(begin, 1), start))
            ? [written[index]]
            : [];
        });
        const read = parseJournal(damaged).entries;
        expect(read).toEqual(expect.arrayContaining(untouched));
        // And nothing is read that was never written.
        expect(written).toEqual(expect.arrayContaining([...read]));
      },
    ),
    { numRuns: 500 },
  );
});

test('a write torn into zeros is not believed', () => {
  const [first, second] = [encodeEntry({ id: 't1' }), encodeEntry({ id: 't2' })];
  const torn = Buffer.concat([first, Buffer.from(second).fill(0, 5, second.length)]);
  expect(parseJournal(torn)).toEqual({
    entries: [{ id: 't1' }],
    damaged: [],
    torn: torn.subarray(first.length),
  });
});
