/**
 * Whether `offered` is newer than `current`: dotted numbers from left to right, of equal beginnings the longer one
 * (firmware A23). False, never a throw, where a part is no number.
 */
export function isNewerVersion(offered: string, current: string): boolean {
  const ours = parts(current);
  const theirs = parts(offered);
  if (!ours || !theirs) return false;
  for (const [index, part] of theirs.entries()) {
    const own = ours[index];
    if (own === undefined) return true;
    if (part !== own) return part > own;
  }
  return false;
}

function parts(version: string): number[] | undefined {
  return /^\d{1,9}(\.\d{1,9}){0,15}$/.test(version) ? version.split('.').map(Number) : undefined;
}
