/** A result of the wasm: a value, and the paths of its time stamps. */
interface Decoded {
  value: any;
  times: (string | number)[][];
}

/** Parses a result of the wasm, `{"value": …, "times": …}`, and converts time stamps to `Date`. */
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
