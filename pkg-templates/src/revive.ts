/** What the wasm answers: a value and where its time stamps are. */
interface Decoded {
  value: any;
  times: (string | number)[][];
}

/** The value of a JSON text of the wasm's, with the time stamps at the paths `times`, a JSON text too, as `Date`. */
export function revive<T>(text: string, times: string): T {
  return withDates({ value: JSON.parse(text), times: JSON.parse(times) });
}

/** The event in a text of the wasm's `readEvent`, with its time stamps as `Date`. */
export function reviveEvent<T>(text: string): T {
  return withDates(JSON.parse(text) as Decoded);
}

function withDates({ value, times }: Decoded): any {
  for (const path of times) {
    let target = value;
    const last = path.length - 1;
    for (let depth = 0; depth < last; depth++) target = target[path[depth]!];
    const name = path[last]!;
    target[name] = new Date(target[name]);
  }
  return value;
}
