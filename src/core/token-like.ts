/** Long, with digits and letters, and no path or sentence. */
const tokenLike = /^(?![./~])(?=.*\d)(?=.*[A-Za-z])[\w.+/=~-]{16,}$/;

/** Whether nobody would want this word quoted, whatever its name. */
export const looksLikeToken = (word: string): boolean => tokenLike.test(word);

/** Hosts of servers give each user a path of its own, which is all one needs to call them: such parts become `mark`. */
export const withoutTokensInPath = (path: string, mark: string): string =>
  path
    .split('/')
    .map((part) => (looksLikeToken(part) ? mark : part))
    .join('/');
