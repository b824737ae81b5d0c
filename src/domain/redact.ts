/** Nodes and proxies put credentials into user info, path, query and host name alike, so the whole url goes. */
const url = /\b(?:https?|wss?):\/\/[^\s"'<>)\]}]+/gi;
/** What follows these words in a message or a header is the secret itself. */
const credential = /\b(bearer|basic)\s+[\w.~+/=-]+/gi;

/** A text that may come from a client library, without urls and credentials. */
export function redact(text: string): string {
  return text.replaceAll(url, "[url]").replaceAll(credential, "$1 [redacted]");
}
