/** A package surface. Classes with the same name on two surfaces are different classes. */
export type Surface = "sdk" | "checkout";

/**
 * Gives a class its name, and makes `instanceof` recognize instances of other copies of the class,
 * because bundlers duplicate packages.
 *
 * The name is set on the class and its prototype, so that minification does not change it. The mark
 * is a `Symbol.for`, which all copies share. `also` names another class of the surface that
 * recognizes the instances.
 *
 * The static `Symbol.hasInstance` is inherited. For subclasses that users define, the default rule
 * applies.
 */
export function brand(
  owner: new (...args: never[]) => Error,
  name: string,
  surface: Surface = "sdk",
  also = name,
): void {
  const mark = (of: string) => Symbol.for(`@gwop/${surface}:${of}`);
  for (const of of [name, also]) hide(owner.prototype, { name, [mark(of)]: true });
  hide(owner, {
    name,
    [Symbol.hasInstance](
      // biome-ignore lint/complexity/noBannedTypes: any class may stand there.
      this: Function,
      value: { [mark: symbol]: unknown } | null | undefined,
    ): boolean {
      return this === owner
        ? value?.[mark(name)] === true
        : Function.prototype[Symbol.hasInstance].call(this, value);
    },
  });
}

/** Defines properties that printing, spreading and `JSON.stringify` skip. */
export function hide(
  target: object,
  properties: { readonly [key: string | symbol]: unknown },
): void {
  for (const key of Reflect.ownKeys(properties)) {
    Object.defineProperty(target, key, {
      value: properties[key],
      writable: true,
      configurable: true,
    });
  }
}

/** Returns `message`, followed by the cause's message if the cause is an error. */
export function explain(message: string, cause: unknown): string {
  return cause instanceof Error ? `${message}: ${cause}` : message;
}
