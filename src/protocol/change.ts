import { isObject } from './messages.ts';

/** The object with one field changed; itself where nothing has. */
export function changeField(owner: unknown, field: string, change: (value: unknown) => unknown): unknown {
  if (!isObject(owner) || owner[field] === undefined) return owner;
  const changed = change(owner[field]);
  return changed === owner[field] ? owner : { ...owner, [field]: changed };
}

/** The same for each item of a list. */
export function changeEach(change: (item: unknown) => unknown): (value: unknown) => unknown {
  return (value) => {
    if (!Array.isArray(value)) return value;
    const changed = value.map(change);
    return changed.some((item, index) => item !== value[index]) ? changed : value;
  };
}
