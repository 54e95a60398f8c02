/** Chinese letters as Latin ones, syllable by syllable: `天气MCP` → `tian_qi_MCP`; all else stays. */
export type Transliterate = (text: string) => string;

/** Loaded when a name needs it. May reject. */
export type LazyTransliteration = () => Promise<Transliterate>;
