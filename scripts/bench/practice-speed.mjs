/** Practice is held in time that runs so many times as fast, at both ends: every packet comes by itself, as it will. */
export const practiceSpeed = 15;
