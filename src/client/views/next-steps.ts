/** What to run or open next, below what a command said. */
export function formatNext({
  commands = [],
  link = null,
}: {
  readonly commands?: readonly string[];
  readonly link?: string | null;
}): string {
  const lines = [
    ...commands.map((command) => `  Next: ${command}`),
    ...(link ? [`  UI:   ${link}`] : []),
  ];
  return lines.length === 0 ? "" : `\n${lines.join("\n")}`;
}
