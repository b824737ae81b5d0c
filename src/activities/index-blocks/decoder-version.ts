/** Raised when rows of the same trace would differ from those that an earlier version stored. */
export const decoderVersion = 1;
