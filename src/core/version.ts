/** Version of this program as servers and people are told it; a test keeps it equal to package.json. */
export const programVersion = '0.1.0';
