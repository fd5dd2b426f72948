/** True when the event came to pass within the time, false when not. The event itself is not stopped. */
export async function within(ms: number, event: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const happened = await Promise.race([event.then(() => true), timeout]);
  clearTimeout(timer);
  return happened;
}
