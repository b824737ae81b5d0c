/** Waits for all, but not longer than a time. None of them may reject. */
export async function untilSettled(
  looks: readonly Promise<void>[],
  longestMs: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, longestMs);
  });
  await Promise.race([Promise.all(looks), late]);
  clearTimeout(timer);
}
