/** The one value there is; undefined where there are more, or none. */
export function onlyOne<T>(things: { readonly size: number; values(): Iterable<T> }): T | undefined {
  if (things.size !== 1) return undefined;
  const [only] = things.values();
  return only;
}
