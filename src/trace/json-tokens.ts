/** Kinds of token. NEED_MORE: the chunk is used up, feed the next one. */
export const NEED_MORE = 0;
export const KEY = 1;
export const STRING = 2;
/** A piece of a string that `streamString` asked for; its last piece comes as STRING. */
export const STRING_PART = 3;
export const NUMBER = 4;
export const TRUE = 5;
export const FALSE = 6;
export const NULL = 7;
export const OBJECT_START = 8;
export const OBJECT_END = 9;
export const ARRAY_START = 10;
export const ARRAY_END = 11;
export const SKIPPED = 12;
