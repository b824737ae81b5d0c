import getPort from "get-port";

/**
 * The port that the user asked for, or a free one.
 * @param flag - How the user names it, such as `--ui-port`.
 * @throws {Error} Where something listens on it already.
 */
export async function choosePort(wanted: number | undefined, flag: string): Promise<number> {
  if (wanted === undefined) return getPort();
  if ((await getPort({ port: wanted })) === wanted) return wanted;
  throw new Error(
    `Port ${wanted} is taken.\n  Fix: stop what listens there, name another with ${flag}, or leave ${flag} away for a free one.`,
  );
}
