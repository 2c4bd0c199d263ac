/** What the wasm answers: a value and where its time stamps are. */
interface Decoded {
  value: any;
  times: (string | number)[][];
}

/** The value in a text of the wasm's, `{"value": …, "times": …}`, with its time stamps as `Date`. */
export function revive<T>(text: string): T {
  const { value, times } = JSON.parse(text) as Decoded;
  for (const path of times) {
    let target = value;
    const last = path.length - 1;
    for (let depth = 0; depth < last; depth++) target = target[path[depth]!];
    const name = path[last]!;
    target[name] = new Date(target[name]);
  }
  return value;
}
